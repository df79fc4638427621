{{- /* What Ratify's values ask for and is not here: an error where its loss would admit more, a line in the notes where it can only refuse more. */ -}}
{{- define "countersign.refuseLosses" -}}
{{- range $name := list "vulnerabilityreport" "sbom" -}}
{{- if get (get $.Values $name | default dict) "enabled" -}}
{{- fail (printf "%s.enabled: this version does not verify it, and would admit what Ratify denies; set it to false if that is meant" $name) -}}
{{- end -}}
{{- end -}}
{{- if get (.Values.policy | default dict) "useRego" -}}
{{- fail "policy.useRego: this version decides by artifactVerificationPolicies alone, and would admit what your Rego denies; set it to false if that is meant" -}}
{{- end -}}
{{- if or (get (.Values.azurekeyvault | default dict) "enabled") (get (.Values.akvCertConfig | default dict) "enabled") -}}
{{- fail "azurekeyvault.enabled: this version does not read Azure Key Vault; give the certificates in notationCerts and set it to false" -}}
{{- end -}}
{{- if not (get .Values.notation "enabled") -}}
{{- if .Values.notationCerts -}}
{{- fail "notation.enabled: expected true, since notationCerts are given: nothing else would make use of them" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "countersign.notes" -}}
{{- $notes := list -}}
{{- $problems := include "countersign.webhookProblems" . | fromJson -}}
{{- $notes = concat $notes $problems.notes -}}
{{- if not .Values.gatekeeper.checkWebhooks }}{{ $notes = concat $notes $problems.fatal }}{{ end -}}
{{- if not .Values.clientAuth.enabled -}}
{{- $notes = append $notes "CLIENT AUTHENTICATION IS OFF: whoever reaches the port is answered (clientAuth.enabled)." -}}
{{- end -}}
{{- if and .Values.clientAuth.enabled (not .Values.clientAuth.ca) (include "countersign.clientCa" .) -}}
{{- $notes = append $notes "Gatekeeper's authority was copied from its Secret: upgrade this release when Gatekeeper renews it, or everything is denied (CLIENT_CERTIFICATE_INVALID)." -}}
{{- end -}}
{{- if not (include "countersign.declares" .) -}}
{{- $notes = append $notes "Nothing is declared yet: the Pods are not ready, and every image is misconfigured, until a Store and a Verifier are (docs/configuration.md)." -}}
{{- end -}}
{{- if eq (include "countersign.tlsSource" .) "countersign" -}}
{{- $tls := .Values.provider.tls -}}
{{- if or $tls.existingSecret $tls.crt $tls.cabundle $tls.caCert -}}
{{- $notes = append $notes "The certificate in provider.tls is not used: Countersign makes one itself (provider.tls.source)." -}}
{{- end -}}
{{- if not .Values.rbac.create -}}
{{- $notes = append $notes (printf "rbac.create is false: the Pods start when their account may get and update the Secret %s and get and patch the Providers %s." (include "countersign.servingSecret" .) (include "countersign.providerNames" . | fromJsonArray | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- if .Values.notationCert -}}
{{- $notes = append $notes "notationCert is the older name: use notationCerts." -}}
{{- end -}}
{{- if or .Values.cosignKeys (get (.Values.cosign | default dict) "enabled") -}}
{{- $notes = append $notes "cosign signatures are not verified by this version: an image that has no other is refused (NO_SIGNATURES)." -}}
{{- end -}}
{{- if eq .Values.provider.cache.type "dapr" -}}
{{- $notes = append $notes "provider.cache.type: there is no shared cache; each replica keeps its own." -}}
{{- end -}}
{{- if .Values.provider.enableMutation -}}
{{- $notes = append $notes (printf "Mutation: Gatekeeper needs mutatingWebhookTimeoutSeconds %d or more; with less, a slow registry lets Pods through unpinned." (sub (int (include "countersign.webhookTimeout" .)) 1)) -}}
{{- if not (semverCompare ">=3.23.0-0" .Values.gatekeeper.version) -}}
{{- $notes = append $notes "Mutation: before Gatekeeper 3.23 it cannot be kept to creations: a change to a running Pod pins its images too, which restarts containers whose tag has moved." -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "notes" $notes) -}}
{{- end -}}
