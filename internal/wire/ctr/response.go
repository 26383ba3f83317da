package ctr

import (
	"crypto/sha256"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// The statuses of the platform (commons core version 2).
const (
	statusSuccess      = "urn:be:fgov:ehealth:2.0:status:Success"
	statusDataNotFound = "urn:be:fgov:ehealth:2.0:status:DataNotFound"
)

// ResponseInfo has the values of the common part of a response.
type ResponseInfo struct {
	ID           string
	InResponseTo string
	IssuedAt     time.Time
}

func (s ResponseInfo) newReply(found bool) Reply {
	r := Reply{
		ID:           s.ID,
		InResponseTo: s.InResponseTo,
		IssueInstant: s.IssuedAt.UTC(),
		Status:       Status{Code: StatusCode{Value: statusSuccess}},
	}
	if !found {
		r.Status.Code.Code = &NestedCode{Value: statusDataNotFound}
	}
	return r
}

// NewNotifyResponse returns the response to a notification. request is the name of the request element, for the paths
// of the warnings.
func NewNotifyResponse(s ResponseInfo, request string, r implants.Receipt) *NotifyResponse {
	return &NotifyResponse{
		Reply:   s.newReply(true),
		Receipt: newReceipt(&r.Notification),
		Implant: newImplants(r.AffectedImplants),
		Warning: newWarnings(request, r.Warnings),
	}
}

// NewReviseResponse returns the response to a revision; request is as for NewNotifyResponse.
func NewReviseResponse(s ResponseInfo, request string, r implants.Receipt) *ReviseNotificationResponse {
	return &ReviseNotificationResponse{
		Reply:   s.newReply(true),
		Receipt: newReceipt(&r.Notification),
		Implant: newImplants(r.AffectedImplants),
		Warning: newWarnings(request, r.Warnings),
	}
}

// NewValidateResponse returns the response to a validation; request is as for NewNotifyResponse.
func NewValidateResponse(s ResponseInfo, request string, r implants.Receipt) *ValidateNotificationResponse {
	return &ValidateNotificationResponse{
		Reply:   s.newReply(true),
		Receipt: newReceipt(&r.Notification),
		Warning: newWarnings(request, r.Warnings),
	}
}

// NewDiscardResponse returns the response to discarding a notification, which has no warnings.
func NewDiscardResponse(s ResponseInfo, r implants.Receipt) *DiscardNotificationResponse {
	return &DiscardNotificationResponse{Reply: s.newReply(true), Receipt: newReceipt(&r.Notification)}
}

func newReceipt(n *implants.Notification) Receipt {
	return Receipt{
		NotificationNumber: n.Number.Digits(), Reference: n.Reference, State: string(n.State), Version: n.Version,
		RegisteredAt: n.RegisteredAt, Digest: n.Digest[:],
	}
}

func newWarnings(request string, all []platform.Warning) []Warning {
	var out []Warning
	for _, w := range all {
		out = append(out, newWarning(request, w))
	}
	return out
}

func newWarning(request string, w platform.Warning) Warning {
	entry, _ := problem.Lookup(w.Code)
	out := Warning{Code: string(w.Code), Path: warningPath(request, w.Path)}
	for _, l := range texts.Langs() {
		out.Message = append(out.Message, Text{Lang: string(l), Value: entry.Text(l)})
	}
	return out
}

func newProfessional(p platform.ProfessionalRef) *Professional {
	switch {
	case !p.SSIN.IsZero():
		return &Professional{SSIN: p.SSIN.Digits()}
	case !p.NIHII.IsZero():
		return &Professional{NIHII: p.NIHII.Digits()}
	}
	return nil
}

func newPharmacy(p platform.OrganisationRef) *Pharmacy {
	switch {
	case !p.NIHII.IsZero():
		return &Pharmacy{NIHII: p.NIHII.Digits()}
	case !p.CBE.IsZero():
		return &Pharmacy{CBE: p.CBE.Digits()}
	}
	return nil
}

func newDevice(d *implants.Device) *Device {
	if d == nil {
		return nil
	}
	return &Device{
		NotificationCode: d.Code.Digits(), Name: d.Name, Reference: d.Reference, Manufacturer: d.Manufacturer,
		Distributor: d.Distributor, Classification: d.Classification, UDIDI: d.UDIDIs, Category: d.Category,
		DeviceStatus: string(d.Status), DeletedOn: d.DeletedOn.String(),
	}
}

// NewSearchResponse returns the response with a page of a search; page is the request's.
func NewSearchResponse(s ResponseInfo, page platform.Page, found implants.SearchResult) *SearchResponse {
	return &SearchResponse{
		Reply:        s.newReply(found.Total > 0),
		Offset:       page.Offset,
		MaxElements:  page.Limit,
		Total:        found.Total,
		Notification: newSummaries(found.Notifications),
	}
}

// NewListPendingNotificationsResponse returns the response with a page of pending notifications; page is the request's.
func NewListPendingNotificationsResponse(
	s ResponseInfo, page platform.Page, found implants.SearchResult,
) *ListPendingNotificationsResponse {
	return &ListPendingNotificationsResponse{
		Reply:        s.newReply(found.Total > 0),
		Offset:       page.Offset,
		MaxElements:  page.Limit,
		Total:        found.Total,
		Notification: newSummaries(found.Notifications),
	}
}

func newSummaries(all []implants.NotificationSummary) []Summary {
	var out []Summary
	for i := range all {
		n := &all[i]
		summary := Summary{
			NotificationNumber: n.Number.Digits(), OperationType: string(n.Type), OperationDate: n.SurgeryDate.String(),
			Patient: n.Patient.Digits(), State: string(n.State), Own: n.Own, ImplantCount: n.ImplantCount,
			Reference: n.Reference, Version: n.Version,
		}
		if p := newProfessional(n.Specialist); p != nil {
			summary.Specialist = *p
		}
		out = append(out, summary)
	}
	return out
}

// NewGetNotificationResponse returns the response with a complete notification; request is as for NewNotifyResponse.
func NewGetNotificationResponse(
	s ResponseInfo, request string, d implants.NotificationDetail,
) *GetNotificationResponse {
	n := Notification{
		NotificationNumber: d.Number.Digits(), Reference: d.Reference, Version: d.Version, State: string(d.State),
		OperationType: string(d.Type), RegisteredAt: d.RegisteredAt, Digest: d.Digest[:],
		Organisation: d.Organisation.Digits(), Author: d.Author.Digits(), OperationDate: d.SurgeryDate.String(),
		Patient: d.Patient.Digits(), Prescriber: newProfessional(d.Prescriber), PrescriptionDate: d.PrescriptionDate.String(),
		Comment: d.Comment, Implant: newImplants(d.Implants), Warning: newWarnings(request, d.Warnings),
	}
	if p := newProfessional(d.Specialist); p != nil {
		n.Specialist = *p
	}
	for i := range min(len(d.Removals), len(d.AffectedImplants)) {
		removal := &d.Removals[i]
		n.Explant = append(
			n.Explant,
			RegisteredExplant{Implant: newImplant(&d.AffectedImplants[i]), Quantity: removal.Quantity, Reason: removal.Reason},
		)
	}
	for _, h := range d.History {
		n.History = append(n.History, Revision{Version: h.Version, At: h.RegisteredAt, Author: h.Author.Digits(),
			Organisation: h.Organisation.Digits(), Change: string(h.Change), State: string(h.State), Reason: h.ChangeReason})
	}
	return &GetNotificationResponse{Reply: s.newReply(true), Notification: n}
}

// NewCardResponse returns the response with an implant card in PDF.
func NewCardResponse(s ResponseInfo, fileName string, pdf []byte) *GetImplantCardResponse {
	digest := sha256.Sum256(pdf)
	return &GetImplantCardResponse{Reply: s.newReply(true), Card: Card{
		FileName: fileName, ContentType: "application/pdf", Content: pdf, Digest: digest[:],
	}}
}

// NewListPatientImplantsResponse returns the response with a page of a patient's implants; page is the request's.
func NewListPatientImplantsResponse(
	s ResponseInfo, page platform.Page, list implants.ListImplantsResult,
) *ListPatientImplantsResponse {
	return &ListPatientImplantsResponse{
		Reply: s.newReply(list.Total > 0), Offset: page.Offset, MaxElements: page.Limit, Total: list.Total,
		Implant: newImplants(list.Implants),
	}
}

// NewSearchDeviceResponse returns the response with a page of the device list; page is the request's.
func NewSearchDeviceResponse(
	s ResponseInfo, page platform.Page, list implants.SearchDeviceResult,
) *SearchDeviceResponse {
	m := &SearchDeviceResponse{
		Reply:       s.newReply(list.Total > 0),
		Offset:      page.Offset,
		MaxElements: page.Limit,
		Total:       list.Total,
	}
	for i := range list.Devices {
		m.Device = append(m.Device, *newDevice(&list.Devices[i]))
	}
	return m
}
