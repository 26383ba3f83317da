package store

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// The row types hold the columns of a statement as stored. Their conversions reject values that this program cannot
// have written.

// timestamp is a point in time as stored: UTC, in microseconds.
type instant time.Time

const instantForm = "2006-01-02T15:04:05.000000Z"

// Value formats the timestamp so that its text sorts by time and PostgreSQL can parse it.
func (i instant) Value() (driver.Value, error) {
	return time.Time(i).UTC().Truncate(time.Microsecond).Format(instantForm), nil
}

// Scan accepts the types that either driver returns.
func (i *instant) Scan(value any) error {
	switch v := value.(type) {
	case time.Time:
		*i = instant(v.UTC())
		return nil
	case string:
		t, err := time.Parse(instantForm, v)
		if err != nil {
			return fmt.Errorf("instant: %w", err)
		}
		*i = instant(t)
		return nil
	}
	return fmt.Errorf("instant kept as %T", value)
}

// rowConverter converts the columns of rows and records the first error. It collects the pseudonyms that the
// transaction has not loaded yet, so that the rows can be converted again once they are loaded.
type reading struct {
	s       *session
	missing map[int64]bool // pseudonym ids, true when the identity cache may hold them
	err     error
}

func read[T any](c *reading, parse func(string) (T, error), text string) T {
	var none T
	if text == "" {
		return none
	}
	value, err := parse(text)
	if err != nil && c.err == nil {
		c.err = err
	}
	return value
}

func (c *reading) nihii(text string) ident.NIHII { return read(c, ident.ParseNIHII, text) }
func (c *reading) cbe(text string) ident.CBE     { return read(c, ident.ParseCBE, text) }
func (c *reading) date(text string) ident.Date   { return read(c, ident.ParseDate, text) }
func (c *reading) code(text string) ident.NotificationCode {
	return read(c, ident.ParseNotificationCode, text)
}
func (c *reading) number(text string) ident.NotificationNumber {
	return read(c, ident.ParseNotificationNumber, text)
}
func (c *reading) professional(subject int64, nihii string) register.ProfessionalRef {
	return register.ProfessionalRef{SSIN: c.colleague(subject), NIHII: c.nihii(nihii)}
}

// currentSSIN returns a person's newest SSIN. cacheableSSIN does so for a person whom the identity cache may hold.
func (c *reading) ssin(id int64) ident.SSIN      { return c.shown(id, false) }
func (c *reading) colleague(id int64) ident.SSIN { return c.shown(id, true) }

func (c *reading) shown(id int64, remember bool) ident.SSIN {
	if pseudonym := c.subject(id, remember); pseudonym != nil {
		return pseudonym.shown
	}
	return ident.SSIN{}
}

// resolvePseudonym returns nil when id is 0, and as long as the pseudonym is not loaded.
func (c *reading) subject(id int64, remember bool) *subject {
	if id == 0 {
		return nil
	}
	pseudonym := c.s.subject(id)
	if pseudonym == nil {
		if c.missing == nil {
			c.missing = make(map[int64]bool)
		}
		c.missing[id] = remember
	}
	return pseudonym
}

// openText opens a sealed text about a person.
func (c *reading) text(id int64, sealed []byte, associatedData ...any) string {
	pseudonym := c.subject(id, false)
	if pseudonym == nil {
		return ""
	}
	text, err := pseudonym.openText(sealed, associatedData...)
	if err != nil && c.err == nil {
		c.err = err
	}
	return text
}

// parseSigner converts a signer column to the signer with the SSIN of their certificate.
func (c *reading) signer(column string) string {
	id, rest, personal := strings.Cut(strings.TrimPrefix(column, signerSubject), ",")
	if !strings.HasPrefix(column, signerSubject) {
		return column
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		c.err = err
		return ""
	}
	pseudonym := c.subject(number, false)
	if pseudonym == nil {
		return ""
	}
	if personal {
		rest = "," + rest
	}
	return personalSigner + pseudonym.number.Digits() + rest
}
func (c *reading) period(from, to string) register.Period {
	return register.Period{From: c.date(from), To: c.date(to)}
}

func (c *reading) digest(column []byte) [32]byte {
	var digest [32]byte
	if copy(digest[:], column) != len(column) && c.err == nil {
		c.err = fmt.Errorf("digest of %d bytes", len(column))
	}
	return digest
}

// wrapError returns the first error as INTERNAL_ERROR: an invalid row is a bug, whichever code the parser gave it.
func (c *reading) failure(table string) error {
	if c.err == nil {
		return nil
	}
	return problem.Wrap(problem.InternalError, fmt.Errorf("row of %s: %w", table, c.err))
}

// convertRows converts rows, and returns the first error.
func each[R, T any](tx *session, rows []R, table string, convert func(R, *reading) T) ([]T, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	values := make([]T, len(rows))
	err := tx.reading(table, func(c *reading) {
		for i, row := range rows {
			values[i] = convert(row, c)
		}
	})
	return values, err
}

// runConversion runs a conversion, and again when it needed pseudonyms that were not loaded.
func (tx *session) reading(table string, convert func(*reading)) error {
	c := &reading{s: tx}
	convert(c)
	if c.missing != nil {
		if err := tx.meet(c.missing); err != nil {
			return err
		}
		c = &reading{s: tx}
		convert(c)
		if c.missing != nil && c.err == nil {
			c.err = errors.New("it names a subject that is not there")
		}
	}
	return c.failure(table)
}

type personRow struct {
	Subject int64  `db:"subject"`
	Sealed  []byte `db:"sealed"`
}

// toPerson opens the sealed entry: a JSON array of four strings.
func (row personRow) person(c *reading) register.Person {
	p := register.Person{SSIN: c.ssin(row.Subject)}
	text := c.text(row.Subject, row.Sealed, personPlace)
	if text == "" {
		return p
	}
	var parts [4]string
	if err := json.Unmarshal([]byte(text), &parts); err != nil && c.err == nil {
		c.err = err
	}
	p.FirstName, p.LastName, p.BirthDate, p.DeathDate = parts[0], parts[1], c.date(parts[2]), c.date(parts[3])
	return p
}

type practiceRow struct {
	Subject    int64  `db:"subject"`
	NIHII      string `db:"nihii"`
	Profession string `db:"profession"`
	Speciality string `db:"speciality"`
	From       string `db:"valid_from"`
	To         string `db:"valid_to"`
}

func (row practiceRow) practice(c *reading) register.Practice {
	return register.Practice{SSIN: c.colleague(row.Subject), NIHII: c.nihii(row.NIHII),
		Profession: register.Profession(row.Profession), Speciality: row.Speciality, Period: c.period(row.From, row.To)}
}

type organisationRow struct {
	NIHII string `db:"nihii"`
	CBE   string `db:"cbe"`
	Type  string `db:"type"`
	Name  string `db:"name"`
}

func (row organisationRow) organisation(c *reading) register.Organisation {
	return register.Organisation{NIHII: c.nihii(row.NIHII), CBE: c.cbe(row.CBE), Type: row.Type, Name: row.Name}
}

type affiliationRow struct {
	Organisation string `db:"organisation"`
	Subject      int64  `db:"subject"`
	Role         string `db:"role"`
	From         string `db:"valid_from"`
	To           string `db:"valid_to"`
}

func (row affiliationRow) affiliation(c *reading) register.Affiliation {
	return register.Affiliation{Organisation: c.nihii(row.Organisation), SSIN: c.colleague(row.Subject),
		Role: register.Role(row.Role), Period: c.period(row.From, row.To)}
}

type linkRow struct {
	Patient      int64  `db:"patient"`
	Professional int64  `db:"professional"`
	Type         string `db:"type"`
	From         string `db:"valid_from"`
	To           string `db:"valid_to"`
}

func (row linkRow) link(c *reading) register.TherapeuticLink {
	return register.TherapeuticLink{Patient: c.ssin(row.Patient), Professional: c.colleague(row.Professional),
		Type: row.Type, Period: c.period(row.From, row.To)}
}

type mandateRow struct {
	Grantor    int64  `db:"grantor"`
	Grantee    int64  `db:"grantee"`
	Service    string `db:"service"`
	AcceptedOn string `db:"accepted_on"`
	From       string `db:"valid_from"`
	To         string `db:"valid_to"`
}

func (row mandateRow) mandate(c *reading) register.Mandate {
	return register.Mandate{Grantor: c.colleague(row.Grantor), Grantee: c.colleague(row.Grantee), Service: row.Service,
		AcceptedOn: c.date(row.AcceptedOn), Period: c.period(row.From, row.To)}
}

type deviceRow struct {
	Code           string `db:"code"`
	Name           string `db:"name"`
	Reference      string `db:"reference"`
	Manufacturer   string `db:"manufacturer"`
	Distributor    string `db:"distributor"`
	Classification string `db:"classification"`
	Category       string `db:"category"`
	UDIDIs         string `db:"udi_dis"`
	Status         string `db:"status"`
	ValidFrom      string `db:"valid_from"`
	DeletedOn      string `db:"deleted_on"`
	RecalledOn     string `db:"recalled_on"`
}

func (row deviceRow) device(c *reading) register.Device {
	return register.Device{Code: c.code(row.Code), Name: row.Name, Reference: row.Reference,
		Manufacturer: row.Manufacturer, Distributor: row.Distributor, Classification: row.Classification,
		Category: row.Category, UDIDIs: lines(row.UDIDIs), Status: register.DeviceStatus(row.Status),
		ValidFrom: c.date(row.ValidFrom), DeletedOn: c.date(row.DeletedOn), RecalledOn: c.date(row.RecalledOn)}
}

// splitLines splits a text at newlines. Neither device identifiers nor codes contain one.
func lines(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, "\n")
}

// versionKey identifies a version of a notification.
type version struct {
	Reference string `db:"reference"`
	Version   int    `db:"version"`
}

// associatedData is the associated data of a sealed text of the version, or of one of its lines.
func (v version) place(what string, line ...int) string {
	return fmt.Sprint(what, " ", v.Reference, " ", v.Version, line)
}

// personAssociatedData is the associated data of a person's names and dates.
const personPlace = "person"

type notificationRow struct {
	version
	Seq              int64   `db:"seq"`
	State            string  `db:"state"`
	Change           string  `db:"change"`
	ChangeReason     []byte  `db:"change_reason"`
	Number           string  `db:"number"`
	Type             string  `db:"type"`
	Specialist       int64   `db:"specialist"`
	SpecialistNIHII  string  `db:"specialist_nihii"`
	OperationDate    string  `db:"operation_date"`
	Patient          int64   `db:"patient"`
	Prescriber       int64   `db:"prescriber"`
	PrescriberNIHII  string  `db:"prescriber_nihii"`
	PrescriptionDate string  `db:"prescription_date"`
	Comment          []byte  `db:"comment"`
	RegisteredAt     instant `db:"registered_at"`
	Digest           []byte  `db:"digest"`
	Signer           string  `db:"signer"`
	Organisation     string  `db:"organisation"`
	Author           int64   `db:"author"`
	InputReference   string  `db:"input_reference"`
	ContentDigest    []byte  `db:"content_digest"`
}

func (row notificationRow) notification(c *reading) register.Notification {
	return register.Notification{
		Reference: row.Reference, Version: row.Version, State: register.State(row.State),
		Change: register.Change(row.Change), ChangeReason: c.text(row.Patient, row.ChangeReason, row.place("change reason")), Number: c.number(row.Number),
		Type: register.SurgeryType(row.Type), Specialist: c.professional(row.Specialist, row.SpecialistNIHII),
		SurgeryDate: c.date(row.OperationDate), Patient: c.ssin(row.Patient),
		Prescriber: c.professional(row.Prescriber, row.PrescriberNIHII), PrescriptionDate: c.date(row.PrescriptionDate),
		Comment: c.text(row.Patient, row.Comment, row.place("comment")), RegisteredAt: time.Time(row.RegisteredAt), Digest: c.digest(row.Digest), Signer: c.signer(row.Signer),
		Organisation: c.nihii(row.Organisation), Author: c.colleague(row.Author), InputReference: row.InputReference,
		ContentDigest: c.digest(row.ContentDigest),
	}
}

type implantRow struct {
	version
	Line            int    `db:"line"`
	ID              string `db:"id"`
	Code            string `db:"code"`
	UDI             string `db:"udi"`
	Lot             string `db:"lot"`
	Serial          string `db:"serial"`
	Expiry          string `db:"expiry"`
	Pharmacist      int64  `db:"pharmacist"`
	PharmacistNIHII string `db:"pharmacist_nihii"`
	PharmacyNIHII   string `db:"pharmacy_nihii"`
	PharmacyCBE     string `db:"pharmacy_cbe"`
	DeliveryDate    string `db:"delivery_date"`
	Quantity        int    `db:"quantity"`
	Location        []byte `db:"location"`
	Side            string `db:"side"`
	UDIDI           string `db:"udi_di"`
	Unregistered    bool   `db:"unregistered"`
	Number          string `db:"number"`
	Patient         int64  `db:"patient"`
	OperationDate   string `db:"operation_date"`
	Remaining       int    `db:"remaining"`
	InForce         bool   `db:"in_force"`
	// Device has empty columns when the implant is not in the device list.
	Device deviceRow `db:"device"`
}

func (row implantRow) implant(c *reading) register.Implant {
	implant := register.Implant{
		ID: row.ID,
		NotifiedImplant: register.NotifiedImplant{
			Code: c.code(row.Code), UDI: row.UDI, Lot: row.Lot, Serial: row.Serial, Expiry: c.date(row.Expiry),
			Pharmacist:   c.professional(row.Pharmacist, row.PharmacistNIHII),
			Pharmacy:     register.PharmacyRef{NIHII: c.nihii(row.PharmacyNIHII), CBE: c.cbe(row.PharmacyCBE)},
			DeliveryDate: c.date(row.DeliveryDate), Quantity: row.Quantity, Location: c.text(row.Patient, row.Location, row.place("location", row.Line)),
			Side: register.Side(row.Side),
		},
		UDIDI: row.UDIDI, Unregistered: row.Unregistered, Number: c.number(row.Number), Patient: c.ssin(row.Patient),
		SurgeryDate: c.date(row.OperationDate), Remaining: row.Remaining, InForce: row.InForce,
	}
	if row.Device.Code != "" {
		device := row.Device.device(c)
		implant.Device = &device
	}
	return implant
}

type removalRow struct {
	version
	Line          int    `db:"line"`
	Patient       int64  `db:"patient"`
	ImplantID     string `db:"implant_id"`
	Quantity      int    `db:"quantity"`
	Reason        []byte `db:"reason"`
	Remaining     int    `db:"remaining"`
	OperationDate string `db:"operation_date"`
}

// toRemoval leaves out the fields that repeat the notification's.
func (row removalRow) removal(c *reading) register.Removal {
	return register.Removal{ImplantID: row.ImplantID, Quantity: row.Quantity, Remaining: row.Remaining,
		Reason: c.text(row.Patient, row.Reason, row.place("reason", row.Line))}
}

func (row removalRow) withOperation(c *reading) register.Removal {
	removal := row.removal(c)
	removal.Reference, removal.SurgeryDate = row.Reference, c.date(row.OperationDate)
	return removal
}

type revisionRow struct {
	version
	Patient      int64   `db:"patient"`
	At           instant `db:"registered_at"`
	Organisation string  `db:"organisation"`
	Author       int64   `db:"author"`
	State        string  `db:"state"`
	Change       string  `db:"change"`
	ChangeReason []byte  `db:"change_reason"`
}

func (row revisionRow) revision(c *reading) register.VersionSummary {
	return register.VersionSummary{Version: row.Version, RegisteredAt: time.Time(row.At), Organisation: c.nihii(row.Organisation),
		Author: c.colleague(row.Author), State: register.State(row.State), Change: register.Change(row.Change),
		ChangeReason: c.text(row.Patient, row.ChangeReason, row.place("change reason"))}
}

type warningRow struct {
	version
	Code  string `db:"code"`
	Path  string `db:"path"`
	Facts string `db:"facts"`
}

type summaryRow struct {
	version
	Number          string `db:"number"`
	Type            string `db:"type"`
	OperationDate   string `db:"operation_date"`
	Patient         int64  `db:"patient"`
	Specialist      int64  `db:"specialist"`
	SpecialistNIHII string `db:"specialist_nihii"`
	State           string `db:"state"`
	Lines           int    `db:"line_count"`
}

func (row summaryRow) summary(c *reading) register.NotificationSummary {
	return register.NotificationSummary{Reference: row.Reference, Version: row.Version, Number: c.number(row.Number), Type: register.SurgeryType(row.Type),
		SurgeryDate: c.date(row.OperationDate), Patient: c.ssin(row.Patient),
		Specialist: c.professional(row.Specialist, row.SpecialistNIHII), State: register.State(row.State),
		ImplantCount: row.Lines}
}
