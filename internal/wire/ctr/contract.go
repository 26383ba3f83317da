package ctr

import (
	"time"

	"github.com/openctr/ctr/internal/message/schema"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/wsdl"
	"github.com/openctr/ctr/xsd"
)

// Path is the URL path of the service.
const Path = "/ctr/v1"

// Contract describes the service. It is the only list of its operations: the WSDL shows it, the door answers it, and
// the client calls it.
func Contract() wsdl.Contract {
	return wsdl.Contract{
		Name:      "ctr-v1",
		Path:      Path,
		Namespace: NamespaceProtocol,
		Files:     wsdl.Templates,
		Template:  "ctr/ctr-v1.wsdl",
		Schemas:   xsd.Contract("ctr"),
		Messages:  "ctr-protocol-1_0.xsd",
		Published: time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC),
		Operations: []wsdl.Operation{
			{Name: "NotifyImplant",
				Documentation: "Reports an operation in which implants were placed, and returns the receipt."},
			{Name: "NotifyExplant",
				Documentation: "Reports an operation in which implants were removed, and returns the receipt."},
			{Name: "Search",
				Documentation: "Finds notifications by patient, by number or by implant."},
			{Name: "GetImplantCard",
				Documentation: "Returns the implant card of a notification, or the cumulative card of a patient, as PDF."},
			{Name: "GetNotification",
				Documentation: "Returns one notification in full, with its history."},
			{Name: "ReviseNotification",
				Documentation: "Puts other content in the place of a notification's, and returns the receipt of the new version."},
			{Name: "ValidateNotification",
				Documentation: "Makes a notification final that was prepared for its specialist, and returns the receipt with " +
					"its number."},
			{Name: "DiscardNotification",
				Documentation: "Discards a notification that is not final yet, or withdraws a final one."},
			{Name: "ListPendingNotifications",
				Documentation: "Lists the notifications that wait for more work or for their specialist."},
			{Name: "ListPatientImplants",
				Documentation: "Lists the implants of a patient, with what remains of each."},
			{Name: "SearchDevice",
				Documentation: "Finds devices on the list of notified implants."},
			{Name: "ManageMandate",
				Documentation: "Grants, accepts, ends or transfers a mandate to prepare notifications."},
			{Name: "ListMandates",
				Documentation: "Lists the mandates that the caller gave and got."},
			{Name: "ManageStaff",
				Documentation: "Gives somebody a role in the organisation that signs, or takes it back."},
			{Name: "ListStaff",
				Documentation: "Lists the roles in the organisation that signs."},
		},
	}
}

// CompileSchema compiles the schemas of the messages.
func CompileSchema() (*schema.Schema, error) {
	c := Contract()
	return schema.Compile(c.Schemas, c.Messages, schema.Prefixes{
		NamespaceProtocol: "ctrp",
		NamespaceCore:     "ctr",
		namespaceCommons:  "cc",
		"urn:be:fgov:ehealth:commons:protocol:v2": "cp",
		"urn:be:fgov:ehealth:errors:soa:v1":       "soa",
		"urn:be:fgov:ehealth:errors:core:v1":      "ec",
	})
}

// FaultNamespaces returns the namespaces in the detail of a fault.
func FaultNamespaces() soap.ContractNamespaces {
	return soap.ContractNamespaces{
		Core:     soap.Namespace{Prefix: "ctr", URI: NamespaceCore},
		Messages: soap.Namespace{Prefix: "ctrp", URI: NamespaceProtocol},
	}
}

// OperationName returns the name of the operation whose request is the given child of the Body, such as
// "NotifyImplant".
func OperationName(content xmldoc.Element) (string, error) {
	for _, o := range Contract().Operations {
		if content.Is(NamespaceProtocol, o.Name+"Request") {
			return o.Name, nil
		}
	}
	return "", problem.New(problem.OperationUnknown).WithPath("soap:Body")
}
