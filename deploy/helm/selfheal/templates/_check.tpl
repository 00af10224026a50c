{{/* Refuses what can't work, with a sentence that says what to do. */}}
{{- define "selfheal.check" -}}
{{- $full := include "selfheal.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $full) -}}
{{- fail (printf "%q can't begin the names of Services, which begin with a small letter and hold small letters, digits and hyphens: set fullnameOverride." $full) -}}
{{- end -}}
{{- $listed := .Files.Get "files/settings.yaml" | fromYaml -}}
{{- range $name, $value := .Values.settings -}}
{{- if or (hasKey $listed.credentials $name) (hasKey $listed.made $name) (has $name (list "DATABASE_URL" "DATABASE_DIRECT_URL" "CONSOLE_DATABASE_URL")) -}}
{{- fail (printf "settings.%s is a secret, and values are no place for one: put it into a Secret, and name that in credentials.existingSecret, database.existingSecret or internalToken.existingSecret." $name) -}}
{{- else if hasKey $listed.wired $name -}}
{{- fail (printf "settings.%s is filled in by the chart: see values.yaml for what decides it (ipFamily, stopping, spool, console, taskTypes, prices)." $name) -}}
{{- else if has $name (splitList " " $listed.unused) -}}
{{- fail (printf "settings.%s has no use in a cluster: a pod's ports and folders are its own, and whoever calls is always asked who they are." $name) -}}
{{- else if not (hasKey $listed.settings $name) -}}
{{- fail (printf "settings.%s isn't a setting: see the names in .env.example, or in the chart's files/settings.yaml." $name) -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.database.existingSecret) (not .Values.database.cluster.enabled) -}}
{{- fail "No database is named. Put the URLs of a PostgreSQL into a Secret and set database.existingSecret to its name (docs/deploy.md has the commands), or set database.cluster.enabled=true where CloudNativePG is installed." -}}
{{- end -}}
{{- if and .Values.database.existingSecret .Values.database.cluster.enabled -}}
{{- fail "Two databases are named: leave out database.existingSecret, or database.cluster.enabled." -}}
{{- end -}}
{{- if and .Values.console.enabled (not (hasPrefix "https://" .Values.console.publicUrl)) -}}
{{- fail "The console wants console.publicUrl, where people open it, to begin with https://: with TLS in front, as sign-ins go through it." -}}
{{- end -}}
{{- if and (eq .Values.route.kind "ingress") (not .Values.route.host) -}}
{{- fail "route.kind=ingress wants route.host, the name under which clients reach /v1." -}}
{{- end -}}
{{- if and (eq .Values.route.kind "gateway") (or (not .Values.route.host) (not .Values.route.gateway.parentRefs)) -}}
{{- fail "route.kind=gateway wants route.host, and the Gateway in route.gateway.parentRefs." -}}
{{- end -}}
{{- $public := (urlParse .Values.console.publicUrl).hostname -}}
{{- if and .Values.console.enabled .Values.console.route (ne .Values.route.kind "none") (eq $public .Values.route.host) -}}
{{- fail "The console wants a host of its own in console.publicUrl, another than route.host: browsers tell sites apart by it." -}}
{{- end -}}
{{- if and .Values.keda.enabled (not .Values.keda.prometheusUrl) -}}
{{- fail "keda.enabled wants keda.prometheusUrl, where it reads how many answers wait for their scores." -}}
{{- end -}}
{{- range $service := list "manager" "worker" "evaluator" -}}
{{- $scales := (get $.Values $service).autoscaling -}}
{{- if gt (int $scales.min) (int $scales.max) -}}
{{- fail (printf "%s.autoscaling.min is more than its max." $service) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.tests.heal (ne .Values.optimizer.kind "autopilot") -}}
{{- fail "tests.heal waits for the autopilot to heal: set optimizer.kind=autopilot, or leave it out." -}}
{{- end -}}
{{- end -}}
