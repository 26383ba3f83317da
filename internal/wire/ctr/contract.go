package ctr

import (
	"reflect"
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

// operations is the only list of the operations and their messages: the WSDL shows it, the door answers it, and the
// client calls it.
var operations = []struct {
	name              string
	request, response reflect.Type
	documentation     string
}{
	{"NotifyImplant", reflect.TypeFor[NotifyImplantRequest](), reflect.TypeFor[NotifyResponse](),
		"Reports an operation in which implants were placed, and returns the receipt."},
	{"NotifyExplant", reflect.TypeFor[NotifyExplantRequest](), reflect.TypeFor[NotifyResponse](),
		"Reports an operation in which implants were removed, and returns the receipt."},
	{"Search", reflect.TypeFor[SearchRequest](), reflect.TypeFor[SearchResponse](),
		"Finds notifications by patient, by number or by implant."},
	{"GetImplantCard", reflect.TypeFor[GetImplantCardRequest](), reflect.TypeFor[GetImplantCardResponse](),
		"Returns the implant card of a notification, or the cumulative card of a patient, as PDF."},
	{"GetNotification", reflect.TypeFor[GetNotificationRequest](), reflect.TypeFor[GetNotificationResponse](),
		"Returns one notification in full, with its history."},
	{"ReviseNotification", reflect.TypeFor[ReviseNotificationRequest](), reflect.TypeFor[ReviseNotificationResponse](),
		"Puts other content in the place of a notification's, and returns the receipt of the new version."},
	{"ValidateNotification", reflect.TypeFor[ValidateNotificationRequest](),
		reflect.TypeFor[ValidateNotificationResponse](),
		"Makes a notification final that was prepared for its specialist, and returns the receipt with " +
			"its number."},
	{"DiscardNotification", reflect.TypeFor[DiscardNotificationRequest](), reflect.TypeFor[DiscardNotificationResponse](),
		"Discards a notification that is not final yet, or withdraws a final one."},
	{"ListPendingNotifications", reflect.TypeFor[ListPendingNotificationsRequest](),
		reflect.TypeFor[ListPendingNotificationsResponse](),
		"Lists the notifications that wait for more work or for their specialist."},
	{"ListPatientImplants", reflect.TypeFor[ListPatientImplantsRequest](), reflect.TypeFor[ListPatientImplantsResponse](),
		"Lists the implants of a patient, with what remains of each."},
	{"SearchDevice", reflect.TypeFor[SearchDeviceRequest](), reflect.TypeFor[SearchDeviceResponse](),
		"Finds devices on the list of notified implants."},
	{"ManageMandate", reflect.TypeFor[ManageMandateRequest](), reflect.TypeFor[ManageMandateResponse](),
		"Grants, accepts, ends or transfers a mandate to prepare notifications."},
	{"ListMandates", reflect.TypeFor[ListMandatesRequest](), reflect.TypeFor[ListMandatesResponse](),
		"Lists the mandates that the caller gave and got."},
	{"ManageStaff", reflect.TypeFor[ManageStaffRequest](), reflect.TypeFor[ManageStaffResponse](),
		"Gives somebody a role in the organisation that signs, or takes it back."},
	{"ListStaff", reflect.TypeFor[ListStaffRequest](), reflect.TypeFor[ListStaffResponse](),
		"Lists the roles in the organisation that signs."},
}

// Contract describes the service.
func Contract() wsdl.Contract {
	return wsdl.Contract{
		Name:       "ctr-v1",
		Path:       Path,
		Namespace:  NamespaceProtocol,
		Files:      wsdl.Templates,
		Template:   "ctr/ctr-v1.wsdl",
		Schemas:    xsd.Contract("ctr"),
		Messages:   "ctr-protocol-1_0.xsd",
		Published:  time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC),
		Operations: listOperations(),
	}
}

func listOperations() []wsdl.Operation {
	all := make([]wsdl.Operation, len(operations))
	for i, o := range operations {
		all[i] = wsdl.Operation{Name: o.name, Documentation: o.documentation}
	}
	return all
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
	for _, o := range operations {
		if content.Is(NamespaceProtocol, o.name+"Request") {
			return o.name, nil
		}
	}
	return "", problem.New(soap.OperationUnknown).WithPath("soap:Body")
}
