{{/* The environment of a container: (list $ "manager"), by the one list in files/settings.yaml. */}}
{{- define "selfheal.environment" -}}
{{- $root := index . 0 -}}
{{- $service := index . 1 -}}
{{- $full := include "selfheal.fullname" $root -}}
{{- $listed := $root.Files.Get "files/settings.yaml" | fromYaml -}}
{{- $given := dict "LLM_PROVIDER" "simulated"
      "WORKER_URL" (printf "http://%s-worker:8001" $full)
      "EVALUATOR_URL" (printf "http://%s-evaluator:8002" $full)
      "MANAGER_URL" (printf "http://%s-manager:8000" $full) -}}
{{- if eq $root.Values.optimizer.kind "cronjob" -}}
{{- /* Nobody waits for such a run: cooldown and heals per day bind it. A repair serves a tenth of
       the traffic first, then a half; each run looks after it. */ -}}
{{- $given = merge $given (dict "OPTIMIZER_TRIGGERED_BY" "cronjob" "OPTIMIZER_UNATTENDED" "yes"
      "OPTIMIZER_DEADLINE_SECONDS" "900" "CANARY_STEPS" "0.1,0.5,1") -}}
{{- else -}}
{{- $_ := set $given "OPTIMIZER_TRIGGERED_BY" "autopilot" -}}
{{- end -}}
{{- $given = mergeOverwrite $given $root.Values.settings -}}
{{- range $name, $readers := $listed.settings }}
{{- if and (hasKey $given $name) (has $service (splitList " " $readers)) }}
- name: {{ $name }}
  value: {{ include "selfheal.text" (get $given $name) | quote }}
{{- end }}
{{- end }}
{{- with $root.Values.credentials.existingSecret }}
{{- $secret := . }}
{{- range $name, $readers := $listed.credentials }}
{{- $isKeptBack := and (eq $service "evaluator") (not (include "selfheal.hasHostedJudge" $root)) }}
{{- if and (has $service (splitList " " $readers)) (not $isKeptBack) }}
- name: {{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $name }}, optional: true}}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $readers := $listed.made }}
{{- if has $service (splitList " " $readers) }}
- name: {{ $name }}
  valueFrom: {secretKeyRef: {name: {{ include "selfheal.tokenSecret" $root }}, key: {{ $name }}}}
{{- end }}
{{- end }}
{{- range $name, $value := include (printf "selfheal.wired.%s" $service) $root | fromYaml }}
- name: {{ $name }}
  value: {{ include "selfheal.text" $value | quote }}
{{- end }}
{{- if has $service (list "manager" "worker" "optimizer" "console") }}
{{ include "selfheal.database" (list $root $service (ternary "CONSOLE_DATABASE_URL" "DATABASE_URL" (eq $service "console"))) }}
{{- end }}
{{- end -}}

{{/* A value as the environment holds it: numbers of YAML are floats, and 1e+06 is no whole number. */}}
{{- define "selfheal.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq . (floor .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- define "selfheal.wired.serving" -}}
BIND_HOST: {{ ternary "::" "0.0.0.0" (eq .Values.ipFamily "IPv6") | quote }}
{{ include "selfheal.wired.stopping" . }}
{{- end -}}

{{- define "selfheal.wired.stopping" -}}
DRAIN_SECONDS: {{ .Values.stopping.drainSeconds }}
GRACE_SECONDS: {{ .Values.stopping.graceSeconds }}
{{- end -}}

{{- define "selfheal.wired.worker" -}}
{{ include "selfheal.wired.serving" . }}
{{- end -}}

{{- define "selfheal.wired.evaluator" -}}
{{ include "selfheal.wired.serving" . }}
TASK_TYPES_DIR: /srv/task_types
{{- end -}}

{{- define "selfheal.wired.manager" -}}
{{- $full := include "selfheal.fullname" . -}}
{{ include "selfheal.wired.serving" . }}
{{ include "selfheal.wired.read" . }}
SPOOL_DIR: /var/lib/selfheal/spool
LOG_WHEN_AWAY: {{ ternary "spool" "refuse" .Values.spool.persistence.enabled }}
{{- if .Values.console.enabled }}
PUBLIC_URL: {{ .Values.console.publicUrl | quote }}
{{- /* The console calls it by this name, and says there whose sign-in it hands on. */}}
ALLOWED_HOSTS: {{ printf "%s-manager,%s" $full .Values.console.allowedHosts | trimSuffix "," }}
TRUSTED_PROXIES: {{ printf "%s-console-pods,%s" $full .Values.console.trustedProxies | trimSuffix "," }}
CONSOLE_TOKEN_FILE: /etc/selfheal-console-token/token
{{- end }}
{{- end -}}

{{- define "selfheal.wired.console" -}}
CONSOLE_BIND_HOST: {{ ternary "::" "0.0.0.0" (eq .Values.ipFamily "IPv6") | quote }}
{{ include "selfheal.wired.stopping" . }}
PUBLIC_URL: {{ .Values.console.publicUrl | quote }}
{{- with .Values.console.allowedHosts }}
ALLOWED_HOSTS: {{ . | quote }}
{{- end }}
{{- with .Values.console.trustedProxies }}
TRUSTED_PROXIES: {{ . | quote }}
{{- end }}
CONSOLE_TOKEN_FILE: /etc/selfheal-console-token/token
TASK_TYPES_DIR: /srv/task_types
{{- end -}}

{{- define "selfheal.wired.toolbox" -}}
{{- end -}}

{{- define "selfheal.wired.optimizer" -}}
{{ include "selfheal.wired.read" . }}
{{- end -}}

{{- define "selfheal.wired.read" -}}
TASK_TYPES_DIR: /srv/task_types
{{- if .Values.prices.configMap }}
PRICES_FILE: /etc/selfheal-prices/prices.toml
{{- end }}
{{- end -}}

{{/* The way into the database of one user: (list $ "manager" "DATABASE_URL"). */}}
{{- define "selfheal.database" -}}
{{- $root := index . 0 -}}
{{- $user := index . 1 -}}
{{- $variable := index . 2 -}}
{{- $db := $root.Values.database -}}
{{- $needsDirect := has $user (list "owner" "optimizer") -}}
{{- if $db.cluster.enabled -}}
{{- $cluster := include "selfheal.cluster" $root -}}
{{- $way := ternary (printf "%s-pooler" $cluster) (printf "%s-rw" $cluster) $db.cluster.pooler -}}
- name: {{ $variable }}
  value: postgresql://{{ ternary "agent" (printf "agent_system_%s" $user) (eq $user "owner") }}@{{ $way }}:5432/agent_system
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ $cluster }}-{{ ternary "app" $user (eq $user "owner") }}, key: password}}
{{- if and $needsDirect $db.cluster.pooler }}
- name: DATABASE_DIRECT_URL
  value: postgresql://{{ $cluster }}-rw:5432
{{- end }}
{{- else -}}
- name: {{ $variable }}
  valueFrom: {secretKeyRef: {name: {{ $db.existingSecret }}, key: {{ get $db.keys $user }}}}
{{- if and $needsDirect $db.pooler }}
- name: DATABASE_DIRECT_URL
  valueFrom: {secretKeyRef: {name: {{ $db.existingSecret }}, key: {{ $db.keys.direct }}}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Whom `selfheal migrate` grants what they need: the users in these URLs. */}}
{{- define "selfheal.users" -}}
{{- $db := .Values.database -}}
{{- $root := . -}}
{{- range list "manager" "worker" "optimizer" "console" }}
- name: {{ upper . }}_DATABASE_URL
{{- if $db.cluster.enabled }}
  value: postgresql://agent_system_{{ . }}@{{ include "selfheal.cluster" $root }}-rw:5432/agent_system
{{- else }}
  valueFrom: {secretKeyRef: {name: {{ $db.existingSecret }}, key: {{ get $db.keys . }}{{ if eq . "console" }}, optional: true{{ end }}}}
{{- end }}
{{- end }}
{{- end -}}
