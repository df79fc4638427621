{{- define "countersign.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "countersign.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "countersign.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "countersign.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "countersign.selector" -}}
app.kubernetes.io/name: {{ include "countersign.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "countersign.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "countersign.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- /* serviceAccount, and over it ServiceAccount, as some catalogues write it. */ -}}
{{- define "countersign.accountValues" -}}
{{- mustMergeOverwrite (deepCopy .Values.serviceAccount) (deepCopy (.Values.ServiceAccount | default dict)) | toJson -}}
{{- end -}}

{{- define "countersign.serviceAccount" -}}
{{- $account := include "countersign.accountValues" . | fromJson -}}
{{- if $account.create -}}
{{- default (include "countersign.fullname" .) $account.name -}}
{{- else -}}
{{- required "serviceAccount.name: expected the name of a ServiceAccount, since serviceAccount.create is false" $account.name -}}
{{- end -}}
{{- end -}}

{{- /* A Provider is asked at this host, and the serving certificate is for it. */ -}}
{{- define "countersign.host" -}}
{{- printf "%s.%s.svc" (include "countersign.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "countersign.image" -}}
{{- $image := .Values.image -}}
{{- if regexMatch "(^|/)ratify(-|$)" $image.repository -}}
{{- fail (printf "image.repository: %s is Ratify's image; leave image out, or name Countersign's" $image.repository) -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "countersign.ownResources" -}}
[exceptions,imagesigningrules,imageverificationpolicies]
{{- end -}}

{{- define "countersign.kritisResources" -}}
[attestationauthorities,genericattestationpolicies,admissionallowlists,imagesecuritypolicies]
{{- end -}}

{{- define "countersign.ratifyResources" -}}
[stores,verifiers,policies,keymanagementproviders,certificatestores,namespacedstores,namespacedverifiers,namespacedpolicies,namespacedkeymanagementproviders]
{{- end -}}
