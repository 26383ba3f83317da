// Package wire holds the messages of the WSDL as Go structs, and both conversions: to and from octets, to and from the
// values of the domain.
//
// It is separate so that neither the domain nor the doors know how a message is written. The structs follow the schemas
// of the contract, field for field and in their order; contract.go turns them into domain values, after which only valid
// identifiers exist, and answers into messages.
package wire

import (
	"fmt"
	"reflect"
	"time"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// Header is what every request begins with: cp:RequestType and the author.
type Header struct {
	ID           string  `x:"@Id"`
	IssueInstant string  `x:"@IssueInstant,zero"` // as text: the service asks for it and does not use it
	Author       *Author `x:"ctrp:Author"`
}

// Author is cc:AuthorType: who acts, inside the organisation whose certificate signs.
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

// Reply is what every response begins with: cp:StatusResponseType.
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

// NestedCode is the second level of a status.
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

// NotifiedImplant is ctr:NotifiedImplantType.
type NotifiedImplant struct {
	NotificationCode string        `x:"ctr:NotificationCode"`
	UDI              string        `x:"ctr:UDI"`
	LotNumber        string        `x:"ctr:LotNumber"`
	SerialNumber     string        `x:"ctr:SerialNumber"`
	ExpiryDate       string        `x:"ctr:ExpiryDate"`
	Pharmacist       *Professional `x:"ctr:Pharmacist"`
	Pharmacy         *Pharmacy     `x:"ctr:Pharmacy"`
	DeliveryDate     string        `x:"ctr:DeliveryDate"`
	Quantity         int           `x:"ctr:Quantity,zero"`
	Location         string        `x:"ctr:Location"`
	Side             string        `x:"ctr:Side"`
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

// RegisteredImplant is ctr:RegisteredImplantType.
type RegisteredImplant struct {
	ImplantID          string        `x:"ctr:ImplantId" json:",omitempty"`
	NotificationCode   string        `x:"ctr:NotificationCode" json:",omitempty"`
	UDI                string        `x:"ctr:UDI" json:",omitempty"`
	LotNumber          string        `x:"ctr:LotNumber" json:",omitempty"`
	SerialNumber       string        `x:"ctr:SerialNumber" json:",omitempty"`
	ExpiryDate         string        `x:"ctr:ExpiryDate" json:",omitempty"`
	Pharmacist         *Professional `x:"ctr:Pharmacist" json:",omitempty"`
	Pharmacy           *Pharmacy     `x:"ctr:Pharmacy" json:",omitempty"`
	DeliveryDate       string        `x:"ctr:DeliveryDate" json:",omitempty"`
	Quantity           int           `x:"ctr:Quantity"`
	Location           string        `x:"ctr:Location" json:",omitempty"`
	Side               string        `x:"ctr:Side" json:",omitempty"`
	Device             *Device       `x:"ctr:Device" json:",omitempty"`
	UDIDI              string        `x:"ctr:UDIDI" json:",omitempty"`
	NotificationNumber string        `x:"ctr:NotificationNumber"`
	OperationDate      string        `x:"ctr:OperationDate"`
	Remaining          int           `x:"ctr:Remaining,zero"`
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

// Text is ctr:TextType: words in a language.
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
	NotificationNumber string    `x:"ctr:NotificationNumber"`
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
	Offset      int            `x:"@Offset,zero"`
	MaxElements int            `x:"@MaxElements,zero"`
	Criteria    SearchCriteria `x:"ctrp:Criteria"`
}

// SearchCriteria is ctrp:SearchCriteriaType: one of three.
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
	NotificationNumber string       `x:"ctr:NotificationNumber"`
	OperationType      string       `x:"ctr:OperationType"`
	OperationDate      string       `x:"ctr:OperationDate"`
	Patient            string       `x:"ctr:Patient"`
	Specialist         Professional `x:"ctr:Specialist"`
	State              string       `x:"ctr:State"`
	Own                bool         `x:"ctr:Own,zero"`
	ImplantCount       int          `x:"ctr:ImplantCount,zero"`
}

// GetImplantCardRequest is the request of getImplantCard.
type GetImplantCardRequest struct {
	Header
	Of CardOf `x:"ctrp:Of"`
}

// CardOf is ctrp:CardOfType: one of two.
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

// ListPatientImplantsRequest is the request of listPatientImplants.
type ListPatientImplantsRequest struct {
	Header
	Offset      int    `x:"@Offset,zero"`
	MaxElements int    `x:"@MaxElements,zero"`
	Patient     string `x:"ctrp:Patient"`
	At          string `x:"ctrp:At"`
}

// ListPatientImplantsResponse is the response of listPatientImplants.
type ListPatientImplantsResponse struct {
	Reply
	Offset      int                 `x:"@Offset,zero"`
	MaxElements int                 `x:"@MaxElements,zero"`
	Total       int                 `x:"ctrp:Total,zero"`
	Implant     []RegisteredImplant `x:"ctrp:Implant"`
}

// plans of the messages, made once.
var plans = func() map[reflect.Type]*plan {
	all := map[reflect.Type]*plan{}
	for _, m := range []any{
		NotifyImplantRequest{}, NotifyExplantRequest{}, NotifyResponse{}, SearchRequest{}, SearchResponse{},
		GetImplantCardRequest{}, GetImplantCardResponse{}, ListPatientImplantsRequest{}, ListPatientImplantsResponse{},
	} {
		t := reflect.TypeOf(m)
		all[t] = planOf(t)
	}
	return all
}()

// Decode reads a message from its element.
func Decode[M any](e xmldoc.Element) (*M, error) {
	m := new(M)
	p, ok := plans[reflect.TypeFor[M]()]
	if !ok {
		return nil, fmt.Errorf("%T is no message", *m)
	}
	if err := p.decode(e, reflect.ValueOf(m).Elem()); err != nil {
		return nil, err
	}
	return m, nil
}

// Encode writes a message as the element of that name in the protocol's namespace, ready for a Body. It refuses text that
// XML 1.0 cannot carry (section 2.2): a reader would refuse the whole message.
func Encode[M any](name string, m *M) ([]byte, error) {
	p, ok := plans[reflect.TypeFor[M]()]
	if !ok {
		return nil, fmt.Errorf("%T is no message", *m)
	}
	out := append([]byte("<ctrp:"), name...)
	for _, prefix := range []string{"ctrp", "ctr", "cc"} {
		out = append(out, " xmlns:"+prefix+`="`+namespaces[prefix]+`"`...)
	}
	out = p.encode(out, reflect.ValueOf(m).Elem())
	out = append(out, "</ctrp:"...)
	out = append(out, name...)
	out = append(out, '>')
	if !isXMLText(out) {
		return nil, errNotXMLText
	}
	return out, nil
}
