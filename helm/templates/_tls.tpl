{{- define "countersign.tlsSource" -}}
{{- $tls := .Values.provider.tls -}}
{{- if $tls.source -}}
{{- $tls.source -}}
{{- else if or $tls.existingSecret $tls.crt -}}
secret
{{- else -}}
chart
{{- end -}}
{{- end -}}

{{- define "countersign.tlsSecret" -}}
{{- if .Values.provider.tls.existingSecret -}}
{{- .Values.provider.tls.existingSecret -}}
{{- else -}}
{{- printf "%s-tls" (include "countersign.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- /* The authority for the Provider objects, in base64 of PEM, from a text in either. */ -}}
{{- define "countersign.givenBundle" -}}
{{- $tls := .Values.provider.tls -}}
{{- $given := default $tls.caCert $tls.cabundle | toString | trim -}}
{{- if hasPrefix "-----BEGIN CERTIFICATE-----" $given -}}
{{- printf "%s\n" $given | b64enc -}}
{{- else if $given -}}
{{- if not (hasPrefix "-----BEGIN CERTIFICATE-----" ($given | b64dec | trim)) -}}
{{- fail "provider.tls.cabundle: expected certificates in PEM, or base64 of that" -}}
{{- end -}}
{{- $given -}}
{{- end -}}
{{- end -}}

{{- /* {crt, key, ca: base64 of PEM} of the Secret that the chart makes; once made it is kept, so it is asked for once and passed on. */ -}}
{{- define "countersign.madeCertificate" -}}
{{- $name := include "countersign.tlsSecret" . -}}
{{- $kept := get (lookup "v1" "Secret" .Release.Namespace $name) "data" | default dict -}}
{{- if and (get $kept "tls.crt") (get $kept "tls.key") (get $kept "ca.crt") -}}
{{- dict "crt" (get $kept "tls.crt") "key" (get $kept "tls.key") "ca" (get $kept "ca.crt") | toJson -}}
{{- else -}}
{{- $host := include "countersign.host" . -}}
{{- $names := list $host (trimSuffix ".svc" $host) (printf "%s.cluster.local" $host) -}}
{{- $ca := genCA (printf "%s-ca" (include "countersign.fullname" .)) 3650 -}}
{{- $made := genSignedCert $host nil $names 3650 $ca -}}
{{- dict "crt" ($made.Cert | b64enc) "key" ($made.Key | b64enc) "ca" ($ca.Cert | b64enc) | toJson -}}
{{- end -}}
{{- end -}}

{{- /* Gatekeeper's authority in PEM where its Secret cannot be mounted: given, or read at installation; "" where it is mounted. */ -}}
{{- define "countersign.clientCa" -}}
{{- $auth := .Values.clientAuth -}}
{{- if $auth.ca -}}
{{- $auth.ca | trim -}}
{{- else if and (ne .Release.Namespace .Values.gatekeeper.namespace) (eq $auth.secretName "gatekeeper-webhook-server-cert") -}}
{{- $read := get (get (lookup "v1" "Secret" .Values.gatekeeper.namespace $auth.secretName) "data" | default dict) "ca.crt" -}}
{{- if not $read -}}
{{- fail (printf "clientAuth: this release is in %s and Gatekeeper's Secret %s in %s, where it cannot be mounted; install into %s, or give its ca.crt as clientAuth.ca (--set-file)" .Release.Namespace $auth.secretName .Values.gatekeeper.namespace .Values.gatekeeper.namespace) -}}
{{- end -}}
{{- $read | b64dec | trim -}}
{{- end -}}
{{- end -}}
