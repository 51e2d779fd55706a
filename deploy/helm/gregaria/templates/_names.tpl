{{- /* What has tried this chart stands in Chart.yaml. */}}
{{- define "gregaria.secret" -}}
{{- .Values.tokens.existingSecret | default (printf "%s-tokens" .Release.Name) -}}
{{- end -}}
{{- define "gregaria.labels" -}}
app.kubernetes.io/name: gregaria
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
