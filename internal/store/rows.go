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

// The rows are what a statement reads, column by column. They hold text as it is kept; what they become is decided by
// the conversions beside them, which refuse what no program of ours has written.

// instant is a point in time as it is kept: UTC, in microseconds.
type instant time.Time

const instantForm = "2006-01-02T15:04:05.000000Z"

// Value writes the instant in a form that sorts in time as text and that PostgreSQL reads as well.
func (i instant) Value() (driver.Value, error) {
	return time.Time(i).UTC().Truncate(time.Microsecond).Format(instantForm), nil
}

// Scan reads what either engine gives.
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

// reading converts the columns of rows, and keeps the first failure. Of subjects that the session does not know yet it notes
// which they are, so that all rows can be converted again once they are known.
type reading struct {
	s       *session
	missing map[int64]bool // and whether they may be remembered
	err     error
}

func read[T any](r *reading, parse func(string) (T, error), text string) T {
	var none T
	if text == "" {
		return none
	}
	value, err := parse(text)
	if err != nil && r.err == nil {
		r.err = err
	}
	return value
}

func (r *reading) nihii(text string) ident.NIHII { return read(r, ident.ParseNIHII, text) }
func (r *reading) cbe(text string) ident.CBE     { return read(r, ident.ParseCBE, text) }
func (r *reading) date(text string) ident.Date   { return read(r, ident.ParseDate, text) }
func (r *reading) code(text string) ident.NotificationCode {
	return read(r, ident.ParseNotificationCode, text)
}
func (r *reading) number(text string) ident.NotificationNumber {
	return read(r, ident.ParseNotificationNumber, text)
}
func (r *reading) professional(subject int64, nihii string) register.ProfessionalRef {
	return register.ProfessionalRef{SSIN: r.colleague(subject), NIHII: r.nihii(nihii)}
}

// ssin is a person's newest number, colleague that of a person who may be remembered.
func (r *reading) ssin(id int64) ident.SSIN      { return r.shown(id, false) }
func (r *reading) colleague(id int64) ident.SSIN { return r.shown(id, true) }

func (r *reading) shown(id int64, remember bool) ident.SSIN {
	if one := r.subject(id, remember); one != nil {
		return one.shown
	}
	return ident.SSIN{}
}

// subject is nil for nobody, and as long as the subject is not known.
func (r *reading) subject(id int64, remember bool) *subject {
	if id == 0 {
		return nil
	}
	one := r.s.subject(id)
	if one == nil {
		if r.missing == nil {
			r.missing = make(map[int64]bool)
		}
		r.missing[id] = remember
	}
	return one
}

// text opens what is sealed about a person.
func (r *reading) text(about int64, sealed []byte, place ...any) string {
	one := r.subject(about, false)
	if one == nil {
		return ""
	}
	text, err := one.openText(sealed, place...)
	if err != nil && r.err == nil {
		r.err = err
	}
	return text
}

// signer is who signed, under the number that stood in the certificate.
func (r *reading) signer(kept string) string {
	id, rest, personal := strings.Cut(strings.TrimPrefix(kept, signerSubject), ",")
	if !strings.HasPrefix(kept, signerSubject) {
		return kept
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		r.err = err
		return ""
	}
	one := r.subject(number, false)
	if one == nil {
		return ""
	}
	if personal {
		rest = "," + rest
	}
	return personalSigner + one.number.Digits() + rest
}
func (r *reading) period(from, to string) register.Period {
	return register.Period{From: r.date(from), To: r.date(to)}
}

func (r *reading) digest(kept []byte) [32]byte {
	var digest [32]byte
	if copy(digest[:], kept) != len(kept) && r.err == nil {
		r.err = fmt.Errorf("digest of %d bytes", len(kept))
	}
	return digest
}

// failure is what is wrong with the row: our fault, whatever the parser calls it.
func (r *reading) failure(table string) error {
	if r.err == nil {
		return nil
	}
	return problem.Wrap(problem.InternalError, fmt.Errorf("row of %s: %w", table, r.err))
}

// each converts rows, and stops at the first that cannot be.
func each[R, T any](s *session, rows []R, table string, convert func(R, *reading) T) ([]T, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	values := make([]T, len(rows))
	err := s.reading(table, func(r *reading) {
		for i, row := range rows {
			values[i] = convert(row, r)
		}
	})
	return values, err
}

// reading runs a conversion, and once more when it needed subjects that were not known before.
func (s *session) reading(table string, convert func(*reading)) error {
	r := &reading{s: s}
	convert(r)
	if r.missing != nil {
		if err := s.meet(r.missing); err != nil {
			return err
		}
		r = &reading{s: s}
		convert(r)
		if r.missing != nil && r.err == nil {
			r.err = errors.New("it names a subject that is not there")
		}
	}
	return r.failure(table)
}

type personRow struct {
	Subject int64  `db:"subject"`
	Sealed  []byte `db:"sealed"`
}

// person is sealed as the four texts in a JSON array.
func (row personRow) person(r *reading) register.Person {
	p := register.Person{SSIN: r.ssin(row.Subject)}
	text := r.text(row.Subject, row.Sealed, personPlace)
	if text == "" {
		return p
	}
	var parts [4]string
	if err := json.Unmarshal([]byte(text), &parts); err != nil && r.err == nil {
		r.err = err
	}
	p.FirstName, p.LastName, p.BirthDate, p.DeathDate = parts[0], parts[1], r.date(parts[2]), r.date(parts[3])
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

func (row practiceRow) practice(r *reading) register.Practice {
	return register.Practice{SSIN: r.colleague(row.Subject), NIHII: r.nihii(row.NIHII),
		Profession: register.Profession(row.Profession), Speciality: row.Speciality, Period: r.period(row.From, row.To)}
}

type organisationRow struct {
	NIHII string `db:"nihii"`
	CBE   string `db:"cbe"`
	Type  string `db:"type"`
	Name  string `db:"name"`
}

func (row organisationRow) organisation(r *reading) register.Organisation {
	return register.Organisation{NIHII: r.nihii(row.NIHII), CBE: r.cbe(row.CBE), Type: row.Type, Name: row.Name}
}

type affiliationRow struct {
	Organisation string `db:"organisation"`
	Subject      int64  `db:"subject"`
	Role         string `db:"role"`
	From         string `db:"valid_from"`
	To           string `db:"valid_to"`
}

func (row affiliationRow) affiliation(r *reading) register.Affiliation {
	return register.Affiliation{Organisation: r.nihii(row.Organisation), SSIN: r.colleague(row.Subject),
		Role: register.Role(row.Role), Period: r.period(row.From, row.To)}
}

type linkRow struct {
	Patient      int64  `db:"patient"`
	Professional int64  `db:"professional"`
	Type         string `db:"type"`
	From         string `db:"valid_from"`
	To           string `db:"valid_to"`
}

func (row linkRow) link(r *reading) register.TherapeuticLink {
	return register.TherapeuticLink{Patient: r.ssin(row.Patient), Professional: r.colleague(row.Professional),
		Type: row.Type, Period: r.period(row.From, row.To)}
}

type mandateRow struct {
	Grantor    int64  `db:"grantor"`
	Grantee    int64  `db:"grantee"`
	Service    string `db:"service"`
	AcceptedOn string `db:"accepted_on"`
	From       string `db:"valid_from"`
	To         string `db:"valid_to"`
}

func (row mandateRow) mandate(r *reading) register.Mandate {
	return register.Mandate{Grantor: r.colleague(row.Grantor), Grantee: r.colleague(row.Grantee), Service: row.Service,
		AcceptedOn: r.date(row.AcceptedOn), Period: r.period(row.From, row.To)}
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

func (row deviceRow) device(r *reading) register.Device {
	return register.Device{Code: r.code(row.Code), Name: row.Name, Reference: row.Reference,
		Manufacturer: row.Manufacturer, Distributor: row.Distributor, Classification: row.Classification,
		Category: row.Category, UDIDIs: lines(row.UDIDIs), Status: register.DeviceStatus(row.Status),
		ValidFrom: r.date(row.ValidFrom), DeletedOn: r.date(row.DeletedOn), RecalledOn: r.date(row.RecalledOn)}
}

// lines splits what was joined by newlines. Neither device identifiers nor codes hold one.
func lines(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, "\n")
}

// version names a version of a notification.
type version struct {
	Reference string `db:"reference"`
	Version   int    `db:"version"`
}

// place is where a text of the version stands: of the version itself, or of one of its lines.
func (v version) place(what string, line ...int) string {
	return fmt.Sprint(what, " ", v.Reference, " ", v.Version, line)
}

// personPlace is where the names and dates of a person stand.
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

func (row notificationRow) notification(r *reading) register.Notification {
	return register.Notification{
		Reference: row.Reference, Version: row.Version, State: register.State(row.State),
		Change: register.Change(row.Change), ChangeReason: r.text(row.Patient, row.ChangeReason, row.place("change reason")), Number: r.number(row.Number),
		Type: register.OperationType(row.Type), Specialist: r.professional(row.Specialist, row.SpecialistNIHII),
		OperationDate: r.date(row.OperationDate), Patient: r.ssin(row.Patient),
		Prescriber: r.professional(row.Prescriber, row.PrescriberNIHII), PrescriptionDate: r.date(row.PrescriptionDate),
		Comment: r.text(row.Patient, row.Comment, row.place("comment")), RegisteredAt: time.Time(row.RegisteredAt), Digest: r.digest(row.Digest), Signer: r.signer(row.Signer),
		Organisation: r.nihii(row.Organisation), Author: r.colleague(row.Author), InputReference: row.InputReference,
		ContentDigest: r.digest(row.ContentDigest),
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
	// Device is the row of the device list: its columns are empty when the list does not know the implant.
	Device deviceRow `db:"device"`
}

func (row implantRow) implant(r *reading) register.Implant {
	implant := register.Implant{
		ID: row.ID,
		NotifiedImplant: register.NotifiedImplant{
			Code: r.code(row.Code), UDI: row.UDI, Lot: row.Lot, Serial: row.Serial, Expiry: r.date(row.Expiry),
			Pharmacist:   r.professional(row.Pharmacist, row.PharmacistNIHII),
			Pharmacy:     register.PharmacyRef{NIHII: r.nihii(row.PharmacyNIHII), CBE: r.cbe(row.PharmacyCBE)},
			DeliveryDate: r.date(row.DeliveryDate), Quantity: row.Quantity, Location: r.text(row.Patient, row.Location, row.place("location", row.Line)),
			Side: register.Side(row.Side),
		},
		UDIDI: row.UDIDI, Unregistered: row.Unregistered, Number: r.number(row.Number), Patient: r.ssin(row.Patient),
		OperationDate: r.date(row.OperationDate), Remaining: row.Remaining, InForce: row.InForce,
	}
	if row.Device.Code != "" {
		device := row.Device.device(r)
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

// removal is a line of its notification, which says the rest.
func (row removalRow) removal(r *reading) register.Removal {
	return register.Removal{ImplantID: row.ImplantID, Quantity: row.Quantity, Remaining: row.Remaining,
		Reason: r.text(row.Patient, row.Reason, row.place("reason", row.Line))}
}

func (row removalRow) withOperation(r *reading) register.Removal {
	removal := row.removal(r)
	removal.Reference, removal.OperationDate = row.Reference, r.date(row.OperationDate)
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

func (row revisionRow) revision(r *reading) register.Revision {
	return register.Revision{Version: row.Version, At: time.Time(row.At), Organisation: r.nihii(row.Organisation),
		Author: r.colleague(row.Author), State: register.State(row.State), Change: register.Change(row.Change),
		ChangeReason: r.text(row.Patient, row.ChangeReason, row.place("change reason"))}
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

func (row summaryRow) summary(r *reading) register.Summary {
	return register.Summary{Reference: row.Reference, Version: row.Version, Number: r.number(row.Number), Type: register.OperationType(row.Type),
		OperationDate: r.date(row.OperationDate), Patient: r.ssin(row.Patient),
		Specialist: r.professional(row.Specialist, row.SpecialistNIHII), State: register.State(row.State),
		ImplantCount: row.Lines}
}
