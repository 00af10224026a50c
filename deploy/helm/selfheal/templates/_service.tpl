{{/* The pods of a service that listens: (list $ "manager"). */}}
{{- define "selfheal.servicePod" -}}
{{- $root := index . 0 -}}
{{- $service := index . 1 -}}
{{- $own := get $root.Values $service -}}
{{- $stopping := $root.Values.stopping -}}
metadata:
  labels:
    {{- include "selfheal.labels" . | nindent 4 }}
  {{- with include "selfheal.podAnnotations" $root }}
  {{- . | nindent 2 }}
  {{- end }}
spec:
  {{- include "selfheal.podSpec" (list $root $service (add $stopping.drainSeconds $stopping.graceSeconds 5)) | nindent 2 }}
  {{- include "selfheal.spread" . | nindent 2 }}
  {{- if ne $service "evaluator" }}
  initContainers:
    {{- include "selfheal.waiting" . | nindent 4 }}
    {{- if and (eq $service "manager") (include "selfheal.keySecret" $root) }}
    # It doesn't start as long as nobody has a key.
    - name: first-key
      {{- include "selfheal.image" (list $root "selfheal") | nindent 6 }}
      args: [keys, create, first, --scope=serve, --scope=read, --from-file=/etc/selfheal-first-key/key]
      env:
        {{- include "selfheal.database" (list $root "manager" "DATABASE_URL") | nindent 8 }}
      resources:
        {{- toYaml $root.Values.migrate.resources | nindent 8 }}
      {{- include "selfheal.confined" $root | nindent 6 }}
      volumeMounts:
        {{- include "selfheal.mounts" (list $root "waiting") | nindent 8 }}
        - {name: first-key, mountPath: /etc/selfheal-first-key, readOnly: true}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ $service }}
      {{- include "selfheal.image" (list $root $service) | nindent 6 }}
      env:
        {{- include "selfheal.environment" . | trim | nindent 8 }}
      ports:
        - {name: http, containerPort: {{ include "selfheal.port" $service }}, protocol: TCP}
      # Whether the process lives is one thing, and whether it could serve now another: a database
      # that is away is no reason to start anew.
      startupProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /health, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        {{- if and (eq $service "evaluator") $own.requireSandbox }}
        exec:
          command:
            - python
            - -I
            - -c
            - |
              import json, urllib.request
              url = "http://localhost:{{ include "selfheal.port" $service }}/health/ready"
              answer = json.load(urllib.request.urlopen(url, timeout=4))
              raise SystemExit(answer["sandbox"]["problem"] or 0)
        {{- else }}
        httpGet: {path: /health/ready, port: http}
        {{- end }}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      resources:
        {{- toYaml $own.resources | nindent 8 }}
      {{- include "selfheal.confined" $root | nindent 6 }}
      volumeMounts:
        {{- include "selfheal.mounts" . | nindent 8 }}
  volumes:
    {{- include "selfheal.volumes" . | nindent 4 }}
{{- end -}}
