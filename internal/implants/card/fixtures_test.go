package card_test

import (
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// must returns the value, or panics if there is an error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func mustParseDate(s string) ident.Date { return must(ident.ParseDate(s)) }

func newNumber(s string, running uint64) ident.NotificationNumber {
	return must(ident.NewNotificationNumber(mustParseDate(s), running))
}

var (
	leroy = platform.Person{SSIN: must(ident.ParseSSIN("48022907379")), FirstName: "Jeanne", LastName: "Leroy", BirthDate: mustParseDate("1948-02-29")}
	claes = platform.Person{SSIN: must(ident.ParseSSIN("78031412250")), FirstName: "Anna", LastName: "Claes", BirthDate: mustParseDate("1978-03-14")}

	femoral = &implants.Device{Code: must(ident.ParseNotificationCode("000071200176")), Reference: "TKS-FL5",
		Name: "Total Knee System, femoral component, left, size 5", Manufacturer: "Ardenne Orthopaedics SA"}
	insert = &implants.Device{Code: must(ident.ParseNotificationCode("000071200275")), Reference: "TKS-TI9",
		Name: "Total Knee System, tibial insert 9 mm", Manufacturer: "Ardenne Orthopaedics SA"}
	pacemaker = &implants.Device{Code: must(ident.ParseNotificationCode("000090012040")), Reference: "PM-DR2",
		Name: "Dual-chamber pacemaker", Manufacturer: "Kardia Systems GmbH"}
)

const (
	sintElooi = "Ziekenhuis Sint-Elooi"
	parc      = "Clinique du Parc Léopold"
)

func newImplant(d *implants.Device, udi, lot, serial, expiry, location string, side implants.Side, quantity int) implants.CardImplant {
	i := implants.CardImplant{Quantity: quantity}
	i.Device, i.Code, i.UDI, i.Lot, i.Serial = d, d.Code, udi, lot, serial
	i.Expiry, i.Location, i.Side, i.Remaining = mustParseDate(expiry), location, side, quantity
	i.SurgeryDate = mustParseDate("2026-11-03")
	return i
}

func kneeImplants() []implants.CardImplant {
	return []implants.CardImplant{
		newImplant(femoral, "(01)05410000001047(17)291231(10)L2201(21)S-000917", "L2201", "S-000917", "2029-12-31", "left knee", "Left", 1),
		newImplant(insert, "(01)05410000001115(17)300630(10)L2388", "L2388", "", "2030-06-30", "left knee", "Left", 1),
	}
}

// implantationCard returns the content of the card of one notification: a knee with two components.
func implantationCard() implants.CardContent {
	n := newNumber("2026-11-04", 12)
	return implants.CardContent{
		Number: n, Patient: leroy, Organisation: sintElooi,
		IssuedAt: time.Date(2026, 11, 4, 13, 20, 7, 0, time.UTC),
		Surgeries: []implants.CardSurgery{{
			Number: n, Type: implants.TypeImplantation, Date: mustParseDate("2026-11-03"), Specialist: claes,
			SpecialistID: must(ident.ParseNIHII("17800389480")), Organisation: sintElooi,
			Implants: kneeImplants(),
		}},
	}
}

// explantationCard returns the content of the card of the removal of the insert.
func explantationCard() implants.CardContent {
	c := implantationCard()
	c.Number = newNumber("2027-02-18", 40)
	removed := kneeImplants()[1]
	removed.Remaining, removed.Reason = 0, "infection"
	c.Surgeries[0].Number, c.Surgeries[0].Type = c.Number, implants.TypeExplantation
	c.Surgeries[0].Date, c.Surgeries[0].Implants = mustParseDate("2027-02-17"), []implants.CardImplant{removed}
	return c
}

// patientCard returns the content of the cumulative card of three operations.
func patientCard() implants.CardContent {
	first, second := implantationCard(), explantationCard()
	first.Surgeries[0].Implants[1].Remaining = 0
	third := implants.CardSurgery{
		Number: newNumber("2027-05-10", 3), Type: implants.TypeImplantation, Date: mustParseDate("2027-05-09"),
		Specialist:   platform.Person{FirstName: "Luc", LastName: "Dubois"},
		SpecialistID: must(ident.ParseNIHII("16900269730")), Organisation: parc,
		Implants: []implants.CardImplant{newImplant(pacemaker, "(01)05410000003027(21)PM77120", "", "PM77120", "2031-01-31", "", "None", 1)},
	}
	return implants.CardContent{
		Patient: leroy, IssuedAt: time.Date(2027, 5, 10, 8, 0, 0, 0, time.UTC),
		Surgeries: []implants.CardSurgery{first.Surgeries[0], second.Surgeries[0], third},
	}
}

// implantationWithLines returns an implantation with the given number of lines.
func implantationWithLines(lines int) implants.CardContent {
	c := implantationCard()
	two := kneeImplants()
	c.Surgeries[0].Implants = nil
	for i := range lines {
		c.Surgeries[0].Implants = append(c.Surgeries[0].Implants, two[i%2])
	}
	return c
}
