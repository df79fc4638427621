{{- /* The settings file: what the values say, and over it what .Values.settings says. */ -}}
{{- define "countersign.settings" -}}
{{- $cache := .Values.provider.cache -}}
{{- $kept := ternary (int (include "countersign.seconds" $cache.ttl)) 0 $cache.enabled -}}
{{- $said := dict
  "ownNamespace" .Release.Namespace
  "webhookTimeoutSeconds" (int (include "countersign.webhookTimeout" .))
  "verdicts" (dict "acceptedSeconds" (min $kept 180) "refusedSeconds" (min $kept 5))
  "caches" (dict "verdictsMiB" (int $cache.cacheSizeMb))
  "freshnessSeconds" (ternary (min 300 (int .Values.oras.cache.ttl)) 0 .Values.oras.cache.enabled)
-}}
{{- if eq (include "countersign.tlsSource" .) "countersign" -}}
{{- $_ := set $said "servingCertificate" (dict
  "secret" (include "countersign.servingSecret" .)
  "hosts" (include "countersign.dnsNames" . | fromJsonArray)
  "providers" (include "countersign.providerNames" . | fromJsonArray)
  "days" (int (default 90 .Values.provider.tls.days)))
-}}
{{- end -}}
{{- mustMergeOverwrite $said (deepCopy .Values.settings) | toYaml -}}
{{- end -}}
