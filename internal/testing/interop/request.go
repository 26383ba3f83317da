package interop

import (
	"time"

	"github.com/openctr/ctr/internal/wire/ctr"
)

// People of the development data.
const (
	SurgeonSSIN = "78031412250"
	PatientSSIN = "48022907379"
)

// NewHeader returns the header of a request by the surgeon.
func NewHeader() ctr.Header {
	return ctr.Header{ID: NewID(), IssueInstant: time.Now().UTC().Format(time.RFC3339), Author: &ctr.Author{HcParty: []ctr.HcParty{{
		ID: []ctr.PartyID{{Type: "urn:be:fgov:person:ssin", Value: SurgeonSSIN}}, FirstName: []string{"Anna"}, Name: "Claes",
	}}}}
}

// FormatDaysAgo returns the date ago days before today as an xs:date.
func FormatDaysAgo(ago int) string { return time.Now().AddDate(0, 0, -ago).Format(time.DateOnly) }

// NewImplantation returns a valid notification of one implant with a serial number, implanted two days ago.
func NewImplantation(reference, patient, serial string) *ctr.NotifyImplantRequest {
	return &ctr.NotifyImplantRequest{Header: NewHeader(), InputReference: reference, Save: "Final", Implantation: ctr.Implantation{
		Specialist: ctr.Professional{SSIN: SurgeonSSIN}, OperationDate: FormatDaysAgo(2), Patient: patient,
		Prescriber: ctr.Professional{NIHII: "17800389480"}, PrescriptionDate: FormatDaysAgo(20), Comment: "total knee replacement",
		Implant: []ctr.NotifiedImplant{{
			NotificationCode: "000071200176", UDI: "(01)05410000001047(17)291231(10)L2201(21)" + serial,
			Quantity: 1, Location: "left knee", Side: "Left",
		}},
	}}
}
