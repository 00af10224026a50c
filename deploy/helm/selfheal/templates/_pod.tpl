{{/* What all pods have: (list $ "manager" 75). The seconds are those until nothing more is sent
     there, until what is under way has ended, and what goodbyes take. */}}
{{- define "selfheal.podSpec" -}}
{{- $root := index . 0 -}}
automountServiceAccountToken: false
# Else a Service named `worker` sets WORKER_PORT=tcp://..., and that is a setting of ours.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ index . 2 }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- with $root.Values.runAsUser }}
  runAsUser: {{ int64 . }}
  runAsGroup: {{ int64 . }}
  # What is mounted, is the group's to read.
  fsGroup: {{ int64 . }}
  {{- end }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "selfheal.podAnnotations" -}}
{{- with .Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "selfheal.spread" -}}
{{- $selector := include "selfheal.selector" . -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
  {{- end }}
{{- end -}}

{{- define "selfheal.confined" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* Waits until somebody has made the schema this version's: (list $ "manager"). */}}
{{- define "selfheal.waiting" -}}
{{- $root := index . 0 -}}
- name: schema
  {{- include "selfheal.image" (list $root "selfheal") | nindent 2 }}
  args: [migrate, --wait={{ $root.Values.migrate.waitSeconds }}]
  env:
    {{- include "selfheal.database" (list $root (index . 1) "DATABASE_URL") | nindent 4 }}
  resources:
    {{- toYaml $root.Values.migrate.resources | nindent 4 }}
  {{- include "selfheal.confined" . | nindent 2 }}
  volumeMounts:
    {{- include "selfheal.mounts" (list $root "waiting") | nindent 4 }}
{{- end -}}

{{/* The volumes of a pod, and where its container has them: (list $ "manager"). */}}
{{- define "selfheal.volumes" -}}
{{- $root := index . 0 -}}
{{- $of := index . 1 -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if and $root.Values.database.tlsSecret (ne $of "evaluator") }}
- name: database-tls
  secret: {secretName: {{ $root.Values.database.tlsSecret }}, defaultMode: 0440}
{{- end }}
{{- if or (eq $of "evaluator") (and (eq $of "manager") (not $root.Values.spool.persistence.enabled)) }}
- name: data
  emptyDir: {sizeLimit: 64Mi}
{{- end }}
{{- if eq $of "manager" }}
{{- with include "selfheal.keySecret" $root }}
- name: first-key
  secret: {secretName: {{ . }}, defaultMode: 0440, items: [{key: KEY, path: key}]}
{{- end }}
{{- end }}
{{- if and $root.Values.console.enabled (has $of (list "manager" "console")) }}
- name: console-token
  secret: {secretName: {{ include "selfheal.tokenSecret" $root }}, defaultMode: 0440, items: [{key: CONSOLE_TOKEN, path: token}]}
{{- end }}
{{- if and $root.Values.prices.configMap (has $of (list "manager" "optimizer" "toolbox")) }}
- name: prices
  configMap: {name: {{ $root.Values.prices.configMap }}}
{{- end }}
{{- if has $of (list "manager" "evaluator" "console" "optimizer" "toolbox") }}
{{- range $name, $map := $root.Values.taskTypes }}
- name: task-type-{{ $name | replace "_" "-" }}
  configMap: {name: {{ $map }}}
{{- end }}
{{- end }}
{{- end -}}

{{- define "selfheal.mounts" -}}
{{- $root := index . 0 -}}
{{- $of := index . 1 -}}
- {name: tmp, mountPath: /tmp}
{{- if and $root.Values.database.tlsSecret (ne $of "evaluator") }}
- {name: database-tls, mountPath: /etc/selfheal-database, readOnly: true}
{{- end }}
{{- if has $of (list "manager" "evaluator") }}
- {name: data, mountPath: /var/lib/selfheal}
{{- end }}
{{- if and $root.Values.console.enabled (has $of (list "manager" "console")) }}
- {name: console-token, mountPath: /etc/selfheal-console-token, readOnly: true}
{{- end }}
{{- if and $root.Values.prices.configMap (has $of (list "manager" "optimizer" "toolbox")) }}
- {name: prices, mountPath: /etc/selfheal-prices, readOnly: true}
{{- end }}
{{- if has $of (list "manager" "evaluator" "console" "optimizer" "toolbox") }}
{{- range $name, $map := $root.Values.taskTypes }}
- {name: task-type-{{ $name | replace "_" "-" }}, mountPath: /srv/task_types/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}
{{- end -}}
