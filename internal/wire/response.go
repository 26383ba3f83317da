package wire

import (
	"crypto/sha256"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
)

// The statuses of the platform (commons core version 2).
const (
	statusSuccess      = "urn:be:fgov:ehealth:2.0:status:Success"
	statusDataNotFound = "urn:be:fgov:ehealth:2.0:status:DataNotFound"
)

// Stamp is what every response says of itself.
type Stamp struct {
	ID           string
	InResponseTo string
	At           time.Time
}

func (s Stamp) reply(found bool) Reply {
	r := Reply{ID: s.ID, InResponseTo: s.InResponseTo, IssueInstant: s.At.UTC(), Status: Status{Code: StatusCode{Value: statusSuccess}}}
	if !found {
		r.Status.Code.Code = &NestedCode{Value: statusDataNotFound}
	}
	return r
}

// NewNotifyResponse makes the response to a notification; request is the element's name, for the paths of the warnings.
func NewNotifyResponse(s Stamp, request string, r register.Receipt) *NotifyResponse {
	m := &NotifyResponse{Reply: s.reply(true), Receipt: Receipt{
		NotificationNumber: r.Number.Digits(), Reference: r.Reference, State: string(r.State), Version: r.Version,
		RegisteredAt: r.RegisteredAt, Digest: r.Digest[:],
	}}
	m.Implant = newImplants(r.Touched)
	for _, w := range r.Warnings {
		m.Warning = append(m.Warning, newWarning(request, w))
	}
	return m
}

func newWarning(request string, w register.Warning) Warning {
	entry, _ := problem.Lookup(w.Code)
	out := Warning{Code: string(w.Code), Path: Path(request, w.At)}
	for _, l := range problem.Langs {
		out.Message = append(out.Message, Text{Lang: string(l), Value: entry.Text(l)})
	}
	return out
}

func newProfessional(p register.ProfessionalRef) *Professional {
	switch {
	case !p.SSIN.IsZero():
		return &Professional{SSIN: p.SSIN.Digits()}
	case !p.NIHII.IsZero():
		return &Professional{NIHII: p.NIHII.Digits()}
	}
	return nil
}

func newPharmacy(p register.PharmacyRef) *Pharmacy {
	switch {
	case !p.NIHII.IsZero():
		return &Pharmacy{NIHII: p.NIHII.Digits()}
	case !p.CBE.IsZero():
		return &Pharmacy{CBE: p.CBE.Digits()}
	}
	return nil
}

func newImplants(all []register.Implant) []RegisteredImplant {
	out := make([]RegisteredImplant, len(all))
	for i := range all {
		in := &all[i]
		out[i] = RegisteredImplant{
			ImplantID: in.ID, NotificationCode: in.Code.Digits(), UDI: in.UDI, LotNumber: in.Lot, SerialNumber: in.Serial,
			ExpiryDate: in.Expiry.String(), Pharmacist: newProfessional(in.Pharmacist), Pharmacy: newPharmacy(in.Pharmacy),
			DeliveryDate: in.DeliveryDate.String(), Quantity: in.Quantity, Location: in.Location, Side: string(in.Side),
			Device: newDevice(in.Device), UDIDI: in.UDIDI, NotificationNumber: in.Number.Digits(),
			OperationDate: in.OperationDate.String(), Remaining: in.Remaining,
		}
	}
	return out
}

func newDevice(d *register.Device) *Device {
	if d == nil {
		return nil
	}
	return &Device{
		NotificationCode: d.Code.Digits(), Name: d.Name, Reference: d.Reference, Manufacturer: d.Manufacturer,
		Distributor: d.Distributor, Classification: d.Classification, UDIDI: d.UDIDIs, Category: d.Category,
		DeviceStatus: string(d.Status), DeletedOn: d.DeletedOn.String(),
	}
}

// NewSearchResponse makes the response to a search; the page is the request's.
func NewSearchResponse(s Stamp, page register.Page, found register.Found) *SearchResponse {
	m := &SearchResponse{Reply: s.reply(found.Total > 0), Offset: page.Offset, MaxElements: page.Limit, Total: found.Total}
	for i := range found.Notifications {
		n := &found.Notifications[i]
		summary := Summary{
			NotificationNumber: n.Number.Digits(), OperationType: string(n.Type), OperationDate: n.OperationDate.String(),
			Patient: n.Patient.Digits(), State: string(n.State), Own: n.Own, ImplantCount: n.ImplantCount,
		}
		if p := newProfessional(n.Specialist); p != nil {
			summary.Specialist = *p
		}
		m.Notification = append(m.Notification, summary)
	}
	return m
}

// NewCardResponse makes the response with a card.
func NewCardResponse(s Stamp, fileName string, pdf []byte) *GetImplantCardResponse {
	digest := sha256.Sum256(pdf)
	return &GetImplantCardResponse{Reply: s.reply(true), Card: Card{
		FileName: fileName, ContentType: "application/pdf", Content: pdf, Digest: digest[:],
	}}
}

// NewListPatientImplantsResponse makes the response with a patient's implants; the page is the request's.
func NewListPatientImplantsResponse(s Stamp, page register.Page, list register.PatientImplants) *ListPatientImplantsResponse {
	return &ListPatientImplantsResponse{
		Reply: s.reply(list.Total > 0), Offset: page.Offset, MaxElements: page.Limit, Total: list.Total,
		Implant: newImplants(list.Implants),
	}
}
