{{- /* Certificates of signers' authorities as a list of PEM texts. */ -}}
{{- define "countersign.certificates" -}}
{{- $all := .Values.notationCerts -}}
{{- with .Values.notationCert }}{{ $all = append $all . }}{{ end -}}
{{- range $index, $pem := $all -}}
{{- if not (contains "-----BEGIN CERTIFICATE-----" ($pem | toString)) -}}
{{- fail (printf "notationCerts[%d]: expected certificates in PEM" $index) -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "pem" $all) -}}
{{- end -}}

{{- /* The credential source of the Store, as {name, ...}; {} for docker's configuration. */ -}}
{{- define "countersign.authProvider" -}}
{{- $auth := .Values.oras.authProviders -}}
{{- $chosen := list -}}
{{- if $auth.azureWorkloadIdentityEnabled -}}
{{- $chosen = append $chosen (dict "name" "azureWorkloadIdentity" "clientID" .Values.azureWorkloadIdentity.clientId "endpoints" $auth.azureContainerRegistryEndpoints) -}}
{{- end -}}
{{- if $auth.azureManagedIdentityEnabled -}}
{{- $chosen = append $chosen (dict "name" "azureManagedIdentity" "clientID" .Values.azureManagedIdentity.clientId "endpoints" $auth.azureContainerRegistryEndpoints) -}}
{{- end -}}
{{- if $auth.k8secretsEnabled -}}
{{- $chosen = append $chosen (dict "name" "k8Secrets" "serviceAccountName" (include "countersign.serviceAccount" .)) -}}
{{- end -}}
{{- if $auth.awsEcrBasicEnabled -}}
{{- $chosen = append $chosen (dict "name" "awsEcrBasic") -}}
{{- end -}}
{{- if $auth.alibabacloudAcrBasicEnabled -}}
{{- $acr := .Values.alibabacloudAcrConfig -}}
{{- $default := required "alibabacloudAcrConfig.defaultInstanceId: expected the ID of an ACR instance, since oras.authProviders.alibabacloudAcrBasicEnabled is true" $acr.defaultInstanceId -}}
{{- $chosen = append $chosen (dict "name" "alibabacloudAcrBasic" "defaultInstanceId" $default "acrInstancesConfig" $acr.acrInstancesConfig) -}}
{{- end -}}
{{- if gt (len $chosen) 1 -}}
{{- $names := list -}}
{{- range $chosen }}{{ $names = append $names .name }}{{ end -}}
{{- fail (printf "oras.authProviders: expected at most one, found %s" (join ", " $names)) -}}
{{- end -}}
{{- $provider := dict -}}
{{- range $key, $value := (first $chosen | default dict) -}}
{{- if $value }}{{ $_ := set $provider $key $value }}{{ end -}}
{{- end -}}
{{- toJson $provider -}}
{{- end -}}

{{- /* Whether the chart declares objects: only where a value has something to say about them. */ -}}
{{- define "countersign.declares" -}}
{{- $certificates := (include "countersign.certificates" . | fromJson).pem -}}
{{- $provider := include "countersign.authProvider" . | fromJson -}}
{{- if or $certificates $provider .Values.oras.useHttp }}yes{{ end -}}
{{- end -}}

{{- /* verificationCertStores and trustPolicyDoc of the Verifier. */ -}}
{{- define "countersign.trust" -}}
{{- $fullname := include "countersign.fullname" . -}}
{{- $count := len (include "countersign.certificates" . | fromJson).pem -}}
{{- $stores := dict -}}
{{- $statements := list -}}
{{- $running := 0 -}}
{{- range $policy := .Values.notation.trustPolicies -}}
{{- $named := list -}}
{{- range $reference := $policy.trustStores -}}
{{- $type := regexFind "^[^:]*" $reference -}}
{{- if not (has $type (list "ca" "tsa" "signingAuthority")) -}}
{{- fail (printf "Unknown certificate type: %s" $type) -}}
{{- end -}}
{{- $index := regexFind "[0-9]+" (regexFind ":notationCerts\\[[0-9]+\\]$" $reference) -}}
{{- if or (eq $index "") (ge (int $index) $count) -}}
{{- fail (printf "Unknown trust store reference: %s" (trimPrefix (printf "%s:" $type) $reference)) -}}
{{- end -}}
{{- $store := printf "cert-%d" $running -}}
{{- $running = add1 $running | int -}}
{{- $ofType := get $stores $type | default dict -}}
{{- $_ := set $ofType $store (list (printf "%s-notation-inline-cert-%s" $fullname $index)) -}}
{{- $_ := set $stores $type $ofType -}}
{{- $named = append $named (printf "%s:%s" $type $store) -}}
{{- end -}}
{{- if not $named -}}
{{- $all := list -}}
{{- range $index := until $count }}{{ $all = append $all (printf "%s-notation-inline-cert-%d" $fullname $index) }}{{ end -}}
{{- $ofType := get $stores "ca" | default dict -}}
{{- $_ := set $ofType "certs" $all -}}
{{- $_ := set $stores "ca" $ofType -}}
{{- $named = list "ca:certs" -}}
{{- end -}}
{{- $statements = append $statements (dict
  "name" $policy.name
  "registryScopes" ($policy.registryScopes | default (list "*"))
  "signatureVerification" (dict "level" ($policy.level | default "strict"))
  "trustStores" $named
  "trustedIdentities" ($policy.trustedIdentities | default (list "*"))) -}}
{{- end -}}
{{- dict "verificationCertStores" $stores "trustPolicyDoc" (dict "version" "1.0" "trustPolicies" $statements) | toYaml -}}
{{- end -}}
