// Package people names the persons, organisations and devices of the development data as values of the domain, and
// parses further ones for tests: [Claes], [MustSSIN].
//
// It is separate so that the tests of the registers, of the store and of the operator speak of the same people, whose
// numbers are written once. It is for tests only and knows identifiers, no register.
package people

import (
	"fmt"

	"github.com/openctr/ctr/internal/platform/ident"
)

// Persons.
var (
	Claes   = MustSSIN("78031412250") // orthopaedic surgeon at the hospital
	Dubois  = MustSSIN("69092234126") // cardiologist, since 2024 at the clinic
	Peeters = MustSSIN("85073003328") // general practitioner
	Maes    = MustSSIN("72010120721") // titular pharmacist
	Lambert = MustSSIN("81050511813") // dentist
	Wouters = MustSSIN("91021706490") // staff of the hospital
	Jacobs  = MustSSIN("66061141504") // surgeon until the end of 2022
	VanDam  = MustSSIN("84061205236") // patients, from here on
	Leroy   = MustSSIN("48022907379")
	Nguyen  = MustSSIN("05041801691")
	Kaya    = MustSSIN("12451200933")
	Smit    = MustSSIN("55230002134")
	Goosens = MustSSIN("39083015514")
)

// Numbers of professionals and of organisations.
var (
	ClaesNIHII  = MustNIHII("17800389480")
	DuboisNIHII = MustNIHII("16900269730")
	MaesNIHII   = MustNIHII("27200184000")
	Hospital    = MustNIHII("71000436")
	Clinic      = MustNIHII("71012413")
	Pharmacy    = MustNIHII("21500346")
	PharmacyCBE = Must(ident.ParseCBE, "0812345603")
)

// Notification codes of devices.
var (
	Mesh    = MustCode("000060479203")
	Knee    = MustCode("000071200176")
	HipStem = MustCode("000071211064") // recalled
	Stent   = MustCode("000080145655") // deleted on 30 June 2021
)

// KneeDI is the UDI-DI of the knee.
const KneeDI = "05410000001047"

// Must parses a text that a test writes down; it panics if it is wrong.
func Must[T any](parse func(string) (T, error), text string) T {
	value, err := parse(text)
	if err != nil {
		panic(fmt.Sprintf("%q: %v", text, err))
	}
	return value
}

// MustSSIN parses the number of a person.
func MustSSIN(s string) ident.SSIN { return Must(ident.ParseSSIN, s) }

// MustNIHII parses the number of a professional or an organisation.
func MustNIHII(s string) ident.NIHII { return Must(ident.ParseNIHII, s) }

// MustCode parses the notification code of a device.
func MustCode(s string) ident.NotificationCode { return Must(ident.ParseNotificationCode, s) }

// MustDate parses a date. It returns the zero date for the empty text.
func MustDate(s string) ident.Date {
	if s == "" {
		return ident.Date{}
	}
	return Must(ident.ParseDate, s)
}
