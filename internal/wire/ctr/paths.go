package ctr

import (
	"strings"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// This file maps the paths of the domain to XPaths into the requests of this contract.

// elementNames has the fields of the domain whose elements have another name in every request.
var elementNames = map[string]string{
	"SurgeryDate": "OperationDate", "Implants": "Implant", "Explants": "Explant", "ImplantID": "ImplantId",
	"Code": "NotificationCode", "Lot": "LotNumber", "Serial": "SerialNumber", "Expiry": "ExpiryDate",
	"Notification": "Of", "Number": "NotificationNumber",
	"Period": "", // its dates are elements of what surrounds it
}

// requestElements has the elements of the fields of each request that elementNames does not give: those that are in
// another element, or have another name than in other requests.
var requestElements = map[string]map[string]string{
	"ReviseNotificationRequest":   {"Implantation": "Content/Implantation", "Explantation": "Content/Explantation"},
	"ValidateNotificationRequest": {"Notification": "Reference"},
	"GetImplantCardRequest":       {"Number": "Of/NotificationNumber", "Patient": "Of/Patient"},
	"ListPatientImplantsRequest":  {"Date": "At"},
	"SearchDeviceRequest":         {"Code": "Criteria/NotificationCode", "UDI": "Criteria/UDI"},
	"SearchRequest": {
		"Number":  "Criteria/ByNotification/NotificationNumber",
		"Patient": "Criteria/ByPatient/Patient", "From": "Criteria/ByPatient/From", "To": "Criteria/ByPatient/To",
	},
	"ManageMandateRequest": {
		"Grant": "Change/Grant", "Accept": "Change/Accept", "End": "Change/End", "Transfer": "Change/Transfer",
	},
	"ManageStaffRequest": {"Assign": "Change/Assign", "End": "Change/End"},
}

// searchByImplantElements is the entry of requestElements for a search by implant.
var searchByImplantElements = map[string]string{
	"Implant": "Criteria/ByImplant", "From": "Criteria/ByImplant/From", "To": "Criteria/ByImplant/To",
}

// coreParents are the elements whose descendants are in the core namespace: their types are in ctr-core.
var coreParents = map[string]bool{"Implantation": true, "Explantation": true}

// requestByContent has the request that contained a path: by the first element of a path into the content of a
// notification. Responses repeat stored warnings even if their own request has no content; the paths of such warnings
// refer to the request that had the content.
var requestByContent = map[string]string{
	"Implantation": "NotifyImplantRequest", "Explantation": "NotifyExplantRequest", "Content": "ReviseNotificationRequest",
}

// elementPath returns the names of the elements, with their positions, that lead to a value. The first field of the
// path is that of a request, whose entry of requestElements is given.
func elementPath(request map[string]string, path platform.Path) string {
	if strings.Contains(path.String(), "/") {
		return path.String() // of a warning stored when the domain still had paths of elements
	}
	var elements []string
	for step := range strings.SplitSeq(path.String(), ".") {
		field, position, isItem := strings.Cut(step, "[")
		element, ok := "", false
		if len(elements) == 0 {
			element, ok = request[field]
		}
		if !ok {
			element, ok = elementNames[field]
		}
		switch {
		case !ok:
			element = field
		case element == "":
			continue
		}
		if isItem {
			element += "[" + position
		}
		elements = append(elements, element)
	}
	return strings.Join(elements, "/")
}

// newXPath returns the XPath of an element of a request, given what elementPath returns.
func newXPath(request, elements string) string {
	var b strings.Builder
	b.WriteString("/ctrp:" + request)
	if elements == "" {
		return b.String()
	}
	prefix := "/ctrp:"
	for element := range strings.SplitSeq(elements, "/") {
		b.WriteString(prefix + element)
		if coreParents[element] {
			prefix = "/ctr:"
		}
	}
	return b.String()
}

// warningPath returns the XPath of a warning in the response to a request: into that request, or into the request that
// contained the content when this one does not.
func warningPath(request string, path platform.Path) string {
	elements := elementPath(requestElements[request], path)
	first, _, _ := strings.Cut(elements, "/")
	if content, ok := requestByContent[first]; ok {
		request = content
	}
	return newXPath(request, elements)
}

// WithRequestPaths returns a copy of a refusal by the domain in which every path is an XPath into the request, which is
// given with the name of its element.
func WithRequestPaths(name string, request any, refusal *problem.Error) *problem.Error {
	fields := requestElements[name]
	if search, ok := request.(*SearchRequest); ok && search.Criteria.ByImplant != nil {
		fields = searchByImplantElements
	}
	return refusal.Map(func(e *problem.Error) *problem.Error {
		if e.Related != "" {
			related := texts.Literal(elementPath(fields, platform.Path(e.Related)))
			e = e.WithRelated("").WithDetail(texts.Join(related, e.Detail))
		}
		if e.Path == "" {
			return e
		}
		elements := elementPath(fields, platform.Path(e.Path))
		if _, validates := request.(*ValidateNotificationRequest); validates && isContent(elements) {
			// The request only names the notification, so the path into its content goes into the text.
			e, elements = e.WithDetail(texts.Join(texts.Literal(elements), e.Detail)), "Reference"
		}
		return e.WithPath(newXPath(name, elements))
	})
}

// isContent reports whether elements lead into the content of a notification.
func isContent(elements string) bool {
	first, _, _ := strings.Cut(elements, "/")
	return coreParents[first]
}
