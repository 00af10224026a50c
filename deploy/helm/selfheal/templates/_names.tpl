{{/* Names and labels: the release's in all of them, so that two live in one namespace. */}}
{{- define "selfheal.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $full = default $full .Values.fullnameOverride -}}
{{- if gt (len $full) 40 -}}
{{- /* Two long names that begin alike stay two. */ -}}
{{- $full = printf "%s-%s" ($full | trunc 33) ($full | sha256sum | trunc 6) -}}
{{- end -}}
{{- $full | replace "." "-" -}}
{{- end -}}

{{/* Of one component: (list $ "manager"). */}}
{{- define "selfheal.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: selfheal
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "selfheal.labels" -}}
{{- $root := index . 0 -}}
{{ include "selfheal.selector" . }}
app.kubernetes.io/part-of: self-healing-agent-system
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "selfheal.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "selfheal.fullname" $root }}-{{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "selfheal.labels" . | nindent 2 }}
{{- end -}}

{{/* (list $ "manager"): an image of ours. */}}
{{- define "selfheal.image" -}}
{{- $root := index . 0 -}}
image: {{ printf "%s/%s:%s" $root.Values.image.repository (index . 1) (default $root.Chart.AppVersion $root.Values.image.tag) }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
{{- end -}}

{{- define "selfheal.port" -}}
{{- get (dict "manager" "8000" "worker" "8001" "evaluator" "8002" "console" "8003") . -}}
{{- end -}}

{{/* Names of Secrets: the user's, or the chart's own. */}}
{{- define "selfheal.tokenSecret" -}}
{{- default (printf "%s-internal" (include "selfheal.fullname" .)) .Values.internalToken.existingSecret -}}
{{- end -}}

{{- define "selfheal.keySecret" -}}
{{- $own := printf "%s-first-key" (include "selfheal.fullname" .) -}}
{{- default (ternary $own "" .Values.firstKey.create) .Values.firstKey.existingSecret -}}
{{- end -}}

{{- define "selfheal.cluster" -}}
{{- printf "%s-db" (include "selfheal.fullname" .) -}}
{{- end -}}

{{/* Which services a release has, separated by blanks. */}}
{{- define "selfheal.services" -}}
manager worker evaluator{{ if .Values.console.enabled }} console{{ end }}
{{- end -}}

{{/* "yes" where Prometheus' operator is there, or is said to be. */}}
{{- define "selfheal.monitored" -}}
{{- $there := .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" -}}
{{- if or (eq .Values.monitoring.enabled "always") (and (eq .Values.monitoring.enabled "auto") $there) -}}yes{{- end -}}
{{- end -}}

{{- define "selfheal.provider" -}}
{{- default "simulated" (get .Values.settings "LLM_PROVIDER") | toString | trim | lower -}}
{{- end -}}

{{/* "yes" where a hosted model judges: the Evaluator gets its key and a way out. */}}
{{- define "selfheal.hasHostedJudge" -}}
{{- $judge := default (include "selfheal.provider" .) (get .Values.settings "JUDGE_MODEL") | toString -}}
{{- if not (has $judge (list "rubric" "simulated" "local")) -}}yes{{- end -}}
{{- end -}}
