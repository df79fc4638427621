{{- define "countersign.tlsSource" -}}
{{- $tls := .Values.provider.tls -}}
{{- $known := semverCompare ">=3.11.0-0" .Values.gatekeeper.version -}}
{{- if and (eq $tls.source "countersign") (not $known) -}}
{{- fail "provider.tls.source: expected another than countersign, which knows no Provider objects of a Gatekeeper before 3.11" -}}
{{- end -}}
{{- if $tls.source -}}
{{- $tls.source -}}
{{- else if or $tls.existingSecret (and $tls.crt (not (include "countersign.ratifyRotation" .))) -}}
secret
{{- else -}}
{{- ternary "countersign" "chart" $known -}}
{{- end -}}
{{- end -}}

{{- /* Ratify's switch: what it is given is only the first certificate. */ -}}
{{- define "countersign.ratifyRotation" -}}
{{- if eq (get (.Values.featureFlags | default dict) "RATIFY_CERT_ROTATION" | toString) "true" }}yes{{ end -}}
{{- end -}}

{{- /* The Secret that Countersign fills; a name of its own, since the type of a Secret cannot be changed. */ -}}
{{- define "countersign.servingSecret" -}}
{{- printf "%s-serving" (include "countersign.fullname" . | trunc 55 | trimSuffix "-") -}}
{{- end -}}

{{- define "countersign.dnsNames" -}}
{{- $host := include "countersign.host" . -}}
{{- list $host (trimSuffix ".svc" $host) (printf "%s.cluster.local" $host) | toJson -}}
{{- end -}}

{{- /* [{name, path}] of the Provider objects. */ -}}
{{- define "countersign.providers" -}}
{{- $names := .Values.provider.names -}}
{{- $providers := list (dict "name" $names.verify "path" "countersign/v1/verify") (dict "name" $names.mutate "path" "countersign/v1/mutate") -}}
{{- if .Values.provider.ratifyNames -}}
{{- $providers = append $providers (dict "name" "ratify-provider" "path" "ratify/gatekeeper/v1/verify") -}}
{{- $providers = append $providers (dict "name" "ratify-mutation-provider" "path" "ratify/gatekeeper/v1/mutate") -}}
{{- end -}}
{{- toJson $providers -}}
{{- end -}}

{{- define "countersign.providerNames" -}}
{{- $names := list -}}
{{- range include "countersign.providers" . | fromJsonArray }}{{ $names = append $names .name }}{{ end -}}
{{- toJson $names -}}
{{- end -}}

{{- /*
What a Provider trusts until Countersign writes its authority there. Gatekeeper (3.23) admits no Provider without a certificate in its caBundle; this
one ended in 1970 and is no authority, so that nobody is trusted by it, and it is the same at every rendering: Helm 3 compares what was rendered
before with what is rendered now, finds no difference, and leaves alone what Countersign wrote (upgrade and rollback). Helm 4 applies on the API
server, where anything but what is there would be a conflict: it is given that.
*/ -}}
{{- define "countersign.caBundleUntilWritten" -}}
{{- $found := "" -}}
{{- if semverCompare ">=4.0.0-0" .root.Capabilities.HelmVersion.Version -}}
{{- $spec := get (lookup "externaldata.gatekeeper.sh/v1beta1" "Provider" "" .name) "spec" | default dict -}}
{{- $found = get $spec "caBundle" | default "" -}}
{{- end -}}
{{- default (include "countersign.noAuthority" . | b64enc) $found -}}
{{- end -}}

{{- define "countersign.noAuthority" -}}
-----BEGIN CERTIFICATE-----
MIIBQjCB6qADAgECAhBAuZUXEUsAMrLm2rTmDnpTMAoGCCqGSM49BAMCMBsxGTAX
BgNVBAMMEG5vIGF1dGhvcml0eSB5ZXQwHhcNNzAwMTAxMDAwMDAwWhcNNzAwMTAx
MDAwMDAxWjAbMRkwFwYDVQQDDBBubyBhdXRob3JpdHkgeWV0MFkwEwYHKoZIzj0C
AQYIKoZIzj0DAQcDQgAEXGxtFhd4M6g9wmJltpsNHYMljSrKX3iAFWjOlwWqqVbE
g2+04aG6dF9t9I6dusEhY8ej6SRaTVJ6Lfqu++q1n6MQMA4wDAYDVR0TAQH/BAIw
ADAKBggqhkjOPQQDAgNHADBEAiB1oqup1ANaijvynhHyzVaH7YrsAlcdq/dtTtFT
hOGPigIgF139N/0G+q3S9bc4jDrX4c1u+/fgHQGGeOJwI5GULfw=
-----END CERTIFICATE-----
{{ end -}}

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
{{- $names := include "countersign.dnsNames" . | fromJsonArray -}}
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
