{{- /* Seconds of the validating webhook: what is set; else as much as Ratify's two timeouts, which were those of the webhooks, leave; else 3. */ -}}
{{- define "countersign.webhookTimeout" -}}
{{- $timeout := .Values.provider.timeout -}}
{{- if .Values.webhookTimeoutSeconds -}}
{{- .Values.webhookTimeoutSeconds -}}
{{- else -}}
{{- $validating := 30 -}}
{{- $mutating := 29 -}}
{{- with $timeout.validationTimeoutSeconds }}{{ $validating = int . }}{{ end -}}
{{- with $timeout.mutationTimeoutSeconds }}{{ $mutating = int . }}{{ end -}}
{{- $webhook := min $validating (add $mutating 1) -}}
{{- if not (or $timeout.validationTimeoutSeconds $timeout.mutationTimeoutSeconds) }}{{ $webhook = 3 }}{{ end -}}
{{- if lt (int $webhook) 3 -}}
{{- fail "provider.timeout: expected at least 3 seconds for validation and 2 for mutation: Gatekeeper, the way and the verdict each need their part" -}}
{{- end -}}
{{- $webhook -}}
{{- end -}}
{{- end -}}

{{- define "countersign.verifyTimeout" -}}{{ sub (int (include "countersign.webhookTimeout" .)) 1 }}{{- end -}}
{{- define "countersign.mutateTimeout" -}}{{ sub (int (include "countersign.webhookTimeout" .)) 2 }}{{- end -}}

{{- /* Seconds of a Go duration of one unit, as Ratify has it. */ -}}
{{- define "countersign.seconds" -}}
{{- if not (regexMatch "^[0-9]{1,6}(s|m|h)$" .) -}}
{{- fail (printf "provider.cache.ttl: expected a number of s, m or h, found %s" .) -}}
{{- end -}}
{{- $number := regexFind "^[0-9]+" . | int -}}
{{- $unit := get (dict "s" 1 "m" 60 "h" 3600) (regexFind "[smh]$" .) -}}
{{- mul $number $unit -}}
{{- end -}}

{{- /* Looks at Gatekeeper's webhooks where there is a cluster to look at: [kind, name, webhook, seconds at least]. */ -}}
{{- define "countersign.webhookProblems" -}}
{{- $problems := dict "fatal" list "notes" list -}}
{{- $needed := int (include "countersign.webhookTimeout" .) -}}
{{- $checks := list (list "ValidatingWebhookConfiguration" "gatekeeper-validating-webhook-configuration" "validation.gatekeeper.sh" $needed "validatingWebhookTimeoutSeconds") -}}
{{- if .Values.provider.enableMutation -}}
{{- $checks = append $checks (list "MutatingWebhookConfiguration" "gatekeeper-mutating-webhook-configuration" "mutation.gatekeeper.sh" (sub $needed 1) "mutatingWebhookTimeoutSeconds") -}}
{{- end -}}
{{- range $check := $checks -}}
{{- $found := lookup "admissionregistration.k8s.io/v1" (index $check 0) "" (index $check 1) -}}
{{- range $webhook := (get $found "webhooks" | default list) -}}
{{- if eq $webhook.name (index $check 2) -}}
{{- if lt (int $webhook.timeoutSeconds) (int (index $check 3)) -}}
{{- $_ := set $problems "fatal" (append $problems.fatal (printf "%s waits %v s, which is less than the %v s that Countersign is set for: what comes late would be admitted. Set %s of Gatekeeper's chart to %v, or webhookTimeoutSeconds lower." $webhook.name $webhook.timeoutSeconds (index $check 3) (index $check 4) (index $check 3))) -}}
{{- end -}}
{{- if eq ($webhook.failurePolicy | default "Fail") "Ignore" -}}
{{- $_ := set $problems "notes" (append $problems.notes (printf "%s has failurePolicy Ignore: whatever keeps Gatekeeper from answering admits every image. docs/install.md says how to change that." $webhook.name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}
