// Package ctr defines the messages of the WSDL as Go structs. Decode and Encode convert them from and to XML; their
// ToDomain methods and the New functions convert requests to domain values and results to responses.
//
// It is separate so that neither the domain nor the endpoints depend on the XML form of a message. The structs follow
// the schemas of the contract, field by field and in the same order. request.go converts requests to domain values,
// which contain only valid identifiers; response.go converts results to responses.
package ctr

import (
	"fmt"
	"reflect"
	"time"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// Header is the common part of all requests: cp:RequestType and the author.
type Header struct {
	ID           string  `x:"@Id"`
	IssueInstant string  `x:"@IssueInstant,zero"` // as text: the schema requires it, but the service does not use it
	Author       *Author `x:"ctrp:Author"`
}

// Author is cc:AuthorType: the person for whom the signing organisation acts.
type Author struct {
	HcParty []HcParty `x:"cc:HcParty"`
}

// HcParty is cc:ActorType.
type HcParty struct {
	ID        []PartyID `x:"cc:Id"`
	FirstName []string  `x:"cc:FirstName"`
	Name      string    `x:"cc:Name,zero"`
}

// PartyID is cc:IdType.
type PartyID struct {
	Type  string `x:"@Type"`
	Value string `x:"."`
}

// Reply is the common part of all responses: cp:StatusResponseType.
type Reply struct {
	ID           string    `x:"@Id"`
	InResponseTo string    `x:"@InResponseTo"`
	IssueInstant time.Time `x:"@IssueInstant,zero"`
	Status       Status    `x:"cc:Status"`
}

// Status is cc:StatusType.
type Status struct {
	Code StatusCode `x:"cc:StatusCode"`
}

// StatusCode is cc:StatusCodeType.
type StatusCode struct {
	Value string      `x:"@Value"`
	Code  *NestedCode `x:"cc:StatusCode"`
}

// NestedCode is the second level of a status code.
type NestedCode struct {
	Value string `x:"@Value"`
}

// Professional is ctr:ProfessionalType.
type Professional struct {
	SSIN  string `x:"ctr:SSIN"`
	NIHII string `x:"ctr:NIHII"`
}

// Pharmacy is ctr:PharmacyType.
type Pharmacy struct {
	NIHII string `x:"ctr:NIHII"`
	CBE   string `x:"ctr:CBE"`
}

// Implantation is ctr:ImplantationType.
type Implantation struct {
	Specialist       Professional      `x:"ctr:Specialist"`
	OperationDate    string            `x:"ctr:OperationDate"`
	Patient          string            `x:"ctr:Patient"`
	Prescriber       Professional      `x:"ctr:Prescriber"`
	PrescriptionDate string            `x:"ctr:PrescriptionDate"`
	Comment          string            `x:"ctr:Comment"`
	Implant          []NotifiedImplant `x:"ctr:Implant"`
}

// Explantation is ctr:ExplantationType.
type Explantation struct {
	Specialist    Professional `x:"ctr:Specialist"`
	OperationDate string       `x:"ctr:OperationDate"`
	Patient       string       `x:"ctr:Patient"`
	Comment       string       `x:"ctr:Comment"`
	Explant       []Explant    `x:"ctr:Explant"`
}

// Explant is ctr:ExplantType.
type Explant struct {
	ImplantID    string           `x:"ctr:ImplantId"`
	Unregistered *NotifiedImplant `x:"ctr:Unregistered"`
	Quantity     int              `x:"ctr:Quantity"`
	Reason       string           `x:"ctr:Reason"`
}

// Device is ctr:DeviceType.
type Device struct {
	NotificationCode string   `x:"ctr:NotificationCode"`
	Name             string   `x:"ctr:Name,zero"`
	Reference        string   `x:"ctr:Reference,zero"`
	Manufacturer     string   `x:"ctr:Manufacturer,zero"`
	Distributor      string   `x:"ctr:Distributor,zero"`
	Classification   string   `x:"ctr:Classification" json:",omitempty"`
	UDIDI            []string `x:"ctr:UDIDI" json:",omitempty"`
	Category         string   `x:"ctr:Category" json:",omitempty"`
	DeviceStatus     string   `x:"ctr:DeviceStatus"`
	DeletedOn        string   `x:"ctr:DeletedOn" json:",omitempty"`
}

// Text is ctr:TextType: a text in one language.
type Text struct {
	Lang  string `x:"@xml:lang"`
	Value string `x:"."`
}

// Warning is ctr:WarningType.
type Warning struct {
	Code    string `x:"@Code"`
	Path    string `x:"@Path" json:",omitempty"`
	Message []Text `x:"ctr:Message"`
}

// Receipt is ctr:ReceiptType.
type Receipt struct {
	NotificationNumber string    `x:"ctr:NotificationNumber" json:",omitempty"`
	Reference          string    `x:"ctr:Reference"`
	State              string    `x:"ctr:State"`
	Version            int       `x:"ctr:Version"`
	RegisteredAt       time.Time `x:"ctr:RegisteredAt,zero"`
	Digest             []byte    `x:"ctr:Digest"`
}

// NotifyImplantRequest is the request of notifyImplant.
type NotifyImplantRequest struct {
	Header
	InputReference string       `x:"ctrp:InputReference"`
	Save           string       `x:"ctrp:Save"`
	Implantation   Implantation `x:"ctrp:Implantation"`
}

// NotifyExplantRequest is the request of notifyExplant.
type NotifyExplantRequest struct {
	Header
	InputReference string       `x:"ctrp:InputReference"`
	Save           string       `x:"ctrp:Save"`
	Explantation   Explantation `x:"ctrp:Explantation"`
}

// NotifyResponse is the response of notifyImplant and of notifyExplant.
type NotifyResponse struct {
	Reply
	Receipt Receipt             `x:"ctrp:Receipt"`
	Implant []RegisteredImplant `x:"ctrp:Implant"`
	Warning []Warning           `x:"ctrp:Warning" json:",omitempty"`
}

// SearchRequest is the request of search.
type SearchRequest struct {
	Header
	EmergencyReason  string         `x:"ctrp:EmergencyReason"`
	EmergencyPatient string         `x:"ctrp:EmergencyPatient"`
	Offset           int            `x:"@Offset,zero"`
	MaxElements      int            `x:"@MaxElements,zero"`
	Criteria         SearchCriteria `x:"ctrp:Criteria"`
}

// SearchCriteria is ctrp:SearchCriteriaType. Exactly one of its fields is set.
type SearchCriteria struct {
	ByPatient      *ByPatient      `x:"ctrp:ByPatient"`
	ByNotification *ByNotification `x:"ctrp:ByNotification"`
	ByImplant      *ByImplant      `x:"ctrp:ByImplant"`
}

// ByPatient is ctrp:ByPatientType.
type ByPatient struct {
	Patient       string `x:"ctrp:Patient"`
	From          string `x:"ctrp:From"`
	To            string `x:"ctrp:To"`
	OperationType string `x:"ctrp:OperationType"`
}

// ByNotification is ctrp:ByNotificationType.
type ByNotification struct {
	NotificationNumber string `x:"ctrp:NotificationNumber"`
}

// ByImplant is ctrp:ByImplantType.
type ByImplant struct {
	NotificationCode string `x:"ctrp:NotificationCode"`
	UDI              string `x:"ctrp:UDI"`
	LotNumber        string `x:"ctrp:LotNumber"`
	SerialNumber     string `x:"ctrp:SerialNumber"`
	From             string `x:"ctrp:From"`
	To               string `x:"ctrp:To"`
	OperationType    string `x:"ctrp:OperationType"`
}

// SearchResponse is the response of search.
type SearchResponse struct {
	Reply
	Offset       int       `x:"@Offset,zero"`
	MaxElements  int       `x:"@MaxElements,zero"`
	Total        int       `x:"ctrp:Total,zero"`
	Notification []Summary `x:"ctrp:Notification"`
}

// Summary is ctr:NotificationSummaryType.
type Summary struct {
	NotificationNumber string       `x:"ctr:NotificationNumber" json:",omitempty"`
	OperationType      string       `x:"ctr:OperationType"`
	OperationDate      string       `x:"ctr:OperationDate"`
	Patient            string       `x:"ctr:Patient"`
	Specialist         Professional `x:"ctr:Specialist"`
	State              string       `x:"ctr:State"`
	Own                bool         `x:"ctr:Own,zero"`
	ImplantCount       int          `x:"ctr:ImplantCount,zero"`
	Reference          string       `x:"ctr:Reference"`
	Version            int          `x:"ctr:Version"`
}

// GetImplantCardRequest is the request of getImplantCard.
type GetImplantCardRequest struct {
	Header
	EmergencyReason  string `x:"ctrp:EmergencyReason"`
	EmergencyPatient string `x:"ctrp:EmergencyPatient"`
	Of               CardOf `x:"ctrp:Of"`
}

// CardOf is ctrp:CardOfType. Exactly one of its fields is set.
type CardOf struct {
	NotificationNumber string `x:"ctrp:NotificationNumber"`
	Patient            string `x:"ctrp:Patient"`
}

// GetImplantCardResponse is the response of getImplantCard.
type GetImplantCardResponse struct {
	Reply
	Card Card `x:"ctrp:Card"`
}

// Card is ctr:CardType.
type Card struct {
	FileName    string `x:"ctr:FileName"`
	ContentType string `x:"ctr:ContentType"`
	Content     []byte `x:"ctr:Content"`
	Digest      []byte `x:"ctr:Digest"`
}

// NotificationOf is ctrp:NotificationOfType. Exactly one of its fields is set.
type NotificationOf struct {
	NotificationNumber string `x:"ctrp:NotificationNumber"`
	Reference          string `x:"ctrp:Reference"`
}

// GetNotificationRequest is the request of getNotification.
type GetNotificationRequest struct {
	Header
	EmergencyReason  string         `x:"ctrp:EmergencyReason"`
	EmergencyPatient string         `x:"ctrp:EmergencyPatient"`
	Of               NotificationOf `x:"ctrp:Of"`
}

// GetNotificationResponse is the response of getNotification.
type GetNotificationResponse struct {
	Reply
	Notification Notification `x:"ctrp:Notification"`
}

// Notification is ctr:NotificationType.
type Notification struct {
	NotificationNumber string              `x:"ctr:NotificationNumber" json:",omitempty"`
	Reference          string              `x:"ctr:Reference"`
	Version            int                 `x:"ctr:Version"`
	State              string              `x:"ctr:State"`
	OperationType      string              `x:"ctr:OperationType"`
	RegisteredAt       time.Time           `x:"ctr:RegisteredAt,zero"`
	Digest             []byte              `x:"ctr:Digest"`
	Organisation       string              `x:"ctr:Organisation" json:",omitempty"`
	Author             string              `x:"ctr:Author" json:",omitempty"`
	Specialist         Professional        `x:"ctr:Specialist"`
	OperationDate      string              `x:"ctr:OperationDate"`
	Patient            string              `x:"ctr:Patient"`
	Prescriber         *Professional       `x:"ctr:Prescriber" json:",omitempty"`
	PrescriptionDate   string              `x:"ctr:PrescriptionDate" json:",omitempty"`
	Comment            string              `x:"ctr:Comment" json:",omitempty"`
	Implant            []RegisteredImplant `x:"ctr:Implant" json:",omitempty"`
	Explant            []RegisteredExplant `x:"ctr:Explant" json:",omitempty"`
	Warning            []Warning           `x:"ctr:Warning" json:",omitempty"`
	History            []Revision          `x:"ctr:History"`
}

// RegisteredExplant is ctr:RegisteredExplantType.
type RegisteredExplant struct {
	Implant  RegisteredImplant `x:"ctr:Implant"`
	Quantity int               `x:"ctr:Quantity" json:",omitempty"`
	Reason   string            `x:"ctr:Reason" json:",omitempty"`
}

// Revision is ctr:RevisionType.
type Revision struct {
	Version      int       `x:"ctr:Version"`
	At           time.Time `x:"ctr:At,zero"`
	Author       string    `x:"ctr:Author" json:",omitempty"`
	Organisation string    `x:"ctr:Organisation" json:",omitempty"`
	Change       string    `x:"ctr:Change"`
	State        string    `x:"ctr:State"`
	Reason       string    `x:"ctr:Reason" json:",omitempty"`
}

// ReviseNotificationRequest is the request of reviseNotification.
type ReviseNotificationRequest struct {
	Header
	Of      NotificationOf `x:"ctrp:Of"`
	Version int            `x:"ctrp:Version"`
	Save    string         `x:"ctrp:Save"`
	Content Content        `x:"ctrp:Content"`
}

// Content is ctrp:ContentType. Exactly one of its fields is set.
type Content struct {
	Implantation *Implantation `x:"ctrp:Implantation"`
	Explantation *Explantation `x:"ctrp:Explantation"`
}

// ReviseNotificationResponse is the response of reviseNotification.
type ReviseNotificationResponse struct {
	Reply
	Receipt Receipt             `x:"ctrp:Receipt"`
	Implant []RegisteredImplant `x:"ctrp:Implant" json:",omitempty"`
	Warning []Warning           `x:"ctrp:Warning" json:",omitempty"`
}

// ValidateNotificationRequest is the request of validateNotification.
type ValidateNotificationRequest struct {
	Header
	Reference string `x:"ctrp:Reference"`
	Version   int    `x:"ctrp:Version"`
}

// ValidateNotificationResponse is the response of validateNotification.
type ValidateNotificationResponse struct {
	Reply
	Receipt Receipt   `x:"ctrp:Receipt"`
	Warning []Warning `x:"ctrp:Warning" json:",omitempty"`
}

// DiscardNotificationRequest is the request of discardNotification.
type DiscardNotificationRequest struct {
	Header
	Of      NotificationOf `x:"ctrp:Of"`
	Version int            `x:"ctrp:Version"`
	Reason  string         `x:"ctrp:Reason"`
}

// DiscardNotificationResponse is the response of discardNotification.
type DiscardNotificationResponse struct {
	Reply
	Receipt Receipt `x:"ctrp:Receipt"`
}

// ListPendingNotificationsRequest is the request of listPendingNotifications.
type ListPendingNotificationsRequest struct {
	Header
	Offset      int    `x:"@Offset,zero"`
	MaxElements int    `x:"@MaxElements,zero"`
	State       string `x:"ctrp:State"`
}

// ListPendingNotificationsResponse is the response of listPendingNotifications.
type ListPendingNotificationsResponse struct {
	Reply
	Offset       int       `x:"@Offset,zero"`
	MaxElements  int       `x:"@MaxElements,zero"`
	Total        int       `x:"ctrp:Total,zero"`
	Notification []Summary `x:"ctrp:Notification"`
}

// ListPatientImplantsRequest is the request of listPatientImplants.
type ListPatientImplantsRequest struct {
	Header
	EmergencyReason string `x:"ctrp:EmergencyReason"`
	Offset          int    `x:"@Offset,zero"`
	MaxElements     int    `x:"@MaxElements,zero"`
	Patient         string `x:"ctrp:Patient"`
	At              string `x:"ctrp:At"`
}

// ListPatientImplantsResponse is the response of listPatientImplants.
type ListPatientImplantsResponse struct {
	Reply
	Offset      int                 `x:"@Offset,zero"`
	MaxElements int                 `x:"@MaxElements,zero"`
	Total       int                 `x:"ctrp:Total,zero"`
	Implant     []RegisteredImplant `x:"ctrp:Implant"`
}

// SearchDeviceRequest is the request of searchDevice.
type SearchDeviceRequest struct {
	Header
	Offset      int            `x:"@Offset,zero"`
	MaxElements int            `x:"@MaxElements,zero"`
	Criteria    DeviceCriteria `x:"ctrp:Criteria,zero"`
}

// DeviceCriteria is ctrp:DeviceCriteriaType.
type DeviceCriteria struct {
	Text             string `x:"ctrp:Text"`
	NotificationCode string `x:"ctrp:NotificationCode"`
	UDI              string `x:"ctrp:UDI"`
	Category         string `x:"ctrp:Category"`
}

// SearchDeviceResponse is the response of searchDevice.
type SearchDeviceResponse struct {
	Reply
	Offset      int      `x:"@Offset,zero"`
	MaxElements int      `x:"@MaxElements,zero"`
	Total       int      `x:"ctrp:Total,zero"`
	Device      []Device `x:"ctrp:Device"`
}

// structCodecs are the codecs of all messages, by type.
var structCodecs = func() map[reflect.Type]*structCodec {
	all := map[reflect.Type]*structCodec{}
	for _, o := range operations {
		for _, t := range []reflect.Type{o.request, o.response} {
			all[t] = newStructCodec(t)
		}
	}
	return all
}()

// Decode decodes a message from its element.
func Decode[M any](e xmldoc.Element) (*M, error) {
	m := new(M)
	p, ok := structCodecs[reflect.TypeFor[M]()]
	if !ok {
		return nil, fmt.Errorf("%T is no message", *m)
	}
	if err := p.decodeFields(e, reflect.ValueOf(m).Elem()); err != nil {
		return nil, err
	}
	return m, nil
}

// Encode encodes a message as the element with the given name in the protocol namespace, ready for a Body. It returns
// an error for text that XML 1.0 cannot represent (section 2.2), because a client would reject the whole message.
func Encode[M any](name string, m *M) ([]byte, error) {
	p, ok := structCodecs[reflect.TypeFor[M]()]
	if !ok {
		return nil, fmt.Errorf("%T is no message", *m)
	}
	out := append([]byte("<ctrp:"), name...)
	for _, prefix := range []string{"ctrp", "ctr", "cc"} {
		out = append(out, " xmlns:"+prefix+`="`+namespaceByPrefix[prefix]+`"`...)
	}
	out = p.appendFields(out, reflect.ValueOf(m).Elem())
	out = append(out, "</ctrp:"...)
	out = append(out, name...)
	out = append(out, '>')
	if !isXMLText(out) {
		return nil, errNotXMLText
	}
	return out, nil
}
