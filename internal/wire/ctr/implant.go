package ctr

import (
	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// This file contains one implant in a message, and both conversions of it: to the domain and from it.

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
	NotificationNumber string        `x:"ctr:NotificationNumber" json:",omitempty"`
	OperationDate      string        `x:"ctr:OperationDate"`
	Remaining          int           `x:"ctr:Remaining,zero"`
	Unregistered       bool          `x:"ctr:Unregistered" json:",omitempty"`
}

func (r *fieldParser) parseImplant(path platform.Path, n *NotifiedImplant) implants.NotifiedImplant {
	implant := implants.NotifiedImplant{
		Code:         parseField(r, path.Field("Code"), n.NotificationCode, ident.ParseNotificationCode),
		UDI:          n.UDI,
		Lot:          n.LotNumber,
		Serial:       n.SerialNumber,
		Expiry:       r.parseDate(path.Field("Expiry"), n.ExpiryDate),
		Pharmacist:   r.parseProfessional(path.Field("Pharmacist"), n.Pharmacist),
		DeliveryDate: r.parseDate(path.Field("DeliveryDate"), n.DeliveryDate),
		Quantity:     n.Quantity,
		Location:     n.Location,
		Side:         implants.Side(n.Side),
	}
	if n.Pharmacy != nil {
		implant.Pharmacy = platform.OrganisationRef{
			NIHII: parseField(r, path.Field("Pharmacy").Field("NIHII"), n.Pharmacy.NIHII, ident.ParseNIHII),
			CBE:   parseField(r, path.Field("Pharmacy").Field("CBE"), n.Pharmacy.CBE, ident.ParseCBE),
		}
	}
	return implant
}

func newImplants(all []implants.Implant) []RegisteredImplant {
	out := make([]RegisteredImplant, len(all))
	for i := range all {
		out[i] = newImplant(&all[i])
	}
	return out
}

func newImplant(in *implants.Implant) RegisteredImplant {
	return RegisteredImplant{
		ImplantID: in.ID, NotificationCode: in.Code.Digits(), UDI: in.UDI, LotNumber: in.Lot, SerialNumber: in.Serial,
		ExpiryDate: in.Expiry.String(), Pharmacist: newProfessional(in.Pharmacist), Pharmacy: newPharmacy(in.Pharmacy),
		DeliveryDate: in.DeliveryDate.String(), Quantity: in.Quantity, Location: in.Location, Side: string(in.Side),
		Device: newDevice(in.Device), UDIDI: in.UDIDI, NotificationNumber: in.Number.Digits(),
		OperationDate: in.SurgeryDate.String(), Remaining: in.Remaining, Unregistered: in.Unregistered,
	}
}
