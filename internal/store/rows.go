package store

import (
	"database/sql/driver"
	"fmt"
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

// reading converts the texts of a row, and keeps the first failure.
type reading struct{ err error }

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

func (r *reading) ssin(text string) ident.SSIN   { return read(r, ident.ParseSSIN, text) }
func (r *reading) nihii(text string) ident.NIHII { return read(r, ident.ParseNIHII, text) }
func (r *reading) cbe(text string) ident.CBE     { return read(r, ident.ParseCBE, text) }
func (r *reading) date(text string) ident.Date   { return read(r, ident.ParseDate, text) }
func (r *reading) code(text string) ident.NotificationCode {
	return read(r, ident.ParseNotificationCode, text)
}
func (r *reading) number(text string) ident.NotificationNumber {
	return read(r, ident.ParseNotificationNumber, text)
}
func (r *reading) professional(ssin, nihii string) register.ProfessionalRef {
	return register.ProfessionalRef{SSIN: r.ssin(ssin), NIHII: r.nihii(nihii)}
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
func each[R, T any](rows []R, table string, convert func(R, *reading) T) ([]T, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	values := make([]T, len(rows))
	var r reading
	for i, row := range rows {
		values[i] = convert(row, &r)
	}
	return values, r.failure(table)
}

type personRow struct {
	SSIN      string `db:"ssin"`
	FirstName string `db:"first_name"`
	LastName  string `db:"last_name"`
	BirthDate string `db:"birth_date"`
	DeathDate string `db:"death_date"`
}

func (row personRow) person(r *reading) register.Person {
	return register.Person{SSIN: r.ssin(row.SSIN), FirstName: row.FirstName, LastName: row.LastName,
		BirthDate: r.date(row.BirthDate), DeathDate: r.date(row.DeathDate)}
}

type practiceRow struct {
	SSIN       string `db:"ssin"`
	NIHII      string `db:"nihii"`
	Profession string `db:"profession"`
	Speciality string `db:"speciality"`
	From       string `db:"valid_from"`
	To         string `db:"valid_to"`
}

func (row practiceRow) practice(r *reading) register.Practice {
	return register.Practice{SSIN: r.ssin(row.SSIN), NIHII: r.nihii(row.NIHII),
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
	SSIN         string `db:"ssin"`
	Role         string `db:"role"`
	From         string `db:"valid_from"`
	To           string `db:"valid_to"`
}

func (row affiliationRow) affiliation(r *reading) register.Affiliation {
	return register.Affiliation{Organisation: r.nihii(row.Organisation), SSIN: r.ssin(row.SSIN),
		Role: register.Role(row.Role), Period: r.period(row.From, row.To)}
}

type linkRow struct {
	Patient      string `db:"patient"`
	Professional string `db:"professional"`
	Type         string `db:"type"`
	From         string `db:"valid_from"`
	To           string `db:"valid_to"`
}

func (row linkRow) link(r *reading) register.TherapeuticLink {
	return register.TherapeuticLink{Patient: r.ssin(row.Patient), Professional: r.ssin(row.Professional),
		Type: row.Type, Period: r.period(row.From, row.To)}
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
}

func (row deviceRow) device(r *reading) register.Device {
	return register.Device{Code: r.code(row.Code), Name: row.Name, Reference: row.Reference,
		Manufacturer: row.Manufacturer, Distributor: row.Distributor, Classification: row.Classification,
		Category: row.Category, UDIDIs: lines(row.UDIDIs), Status: register.DeviceStatus(row.Status),
		ValidFrom: r.date(row.ValidFrom), DeletedOn: r.date(row.DeletedOn)}
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

type notificationRow struct {
	version
	State            string  `db:"state"`
	Number           string  `db:"number"`
	Type             string  `db:"type"`
	SpecialistSSIN   string  `db:"specialist_ssin"`
	SpecialistNIHII  string  `db:"specialist_nihii"`
	OperationDate    string  `db:"operation_date"`
	Patient          string  `db:"patient_ssin"`
	PrescriberSSIN   string  `db:"prescriber_ssin"`
	PrescriberNIHII  string  `db:"prescriber_nihii"`
	PrescriptionDate string  `db:"prescription_date"`
	Comment          string  `db:"comment"`
	RegisteredAt     instant `db:"registered_at"`
	Digest           []byte  `db:"digest"`
	Signer           string  `db:"signer"`
	Organisation     string  `db:"organisation"`
	Author           string  `db:"author"`
	InputReference   string  `db:"input_reference"`
	ContentDigest    []byte  `db:"content_digest"`
}

func (row notificationRow) notification(r *reading) register.Notification {
	return register.Notification{
		Reference: row.Reference, Version: row.Version, State: register.State(row.State), Number: r.number(row.Number),
		Type: register.OperationType(row.Type), Specialist: r.professional(row.SpecialistSSIN, row.SpecialistNIHII),
		OperationDate: r.date(row.OperationDate), Patient: r.ssin(row.Patient),
		Prescriber: r.professional(row.PrescriberSSIN, row.PrescriberNIHII), PrescriptionDate: r.date(row.PrescriptionDate),
		Comment: row.Comment, RegisteredAt: time.Time(row.RegisteredAt), Digest: r.digest(row.Digest), Signer: row.Signer,
		Organisation: r.nihii(row.Organisation), Author: r.ssin(row.Author), InputReference: row.InputReference,
		ContentDigest: r.digest(row.ContentDigest),
	}
}

type implantRow struct {
	version
	ID              string `db:"id"`
	Code            string `db:"code"`
	UDI             string `db:"udi"`
	Lot             string `db:"lot"`
	Serial          string `db:"serial"`
	Expiry          string `db:"expiry"`
	PharmacistSSIN  string `db:"pharmacist_ssin"`
	PharmacistNIHII string `db:"pharmacist_nihii"`
	PharmacyNIHII   string `db:"pharmacy_nihii"`
	PharmacyCBE     string `db:"pharmacy_cbe"`
	DeliveryDate    string `db:"delivery_date"`
	Quantity        int    `db:"quantity"`
	Location        string `db:"location"`
	Side            string `db:"side"`
	UDIDI           string `db:"udi_di"`
	Unregistered    bool   `db:"unregistered"`
	Number          string `db:"number"`
	Patient         string `db:"patient_ssin"`
	OperationDate   string `db:"operation_date"`
	Remaining       int    `db:"remaining"`
	// Device is the row of the device list: its columns are empty when the list does not know the implant.
	Device deviceRow `db:"device"`
}

func (row implantRow) implant(r *reading) register.Implant {
	implant := register.Implant{
		ID: row.ID,
		NotifiedImplant: register.NotifiedImplant{
			Code: r.code(row.Code), UDI: row.UDI, Lot: row.Lot, Serial: row.Serial, Expiry: r.date(row.Expiry),
			Pharmacist:   r.professional(row.PharmacistSSIN, row.PharmacistNIHII),
			Pharmacy:     register.PharmacyRef{NIHII: r.nihii(row.PharmacyNIHII), CBE: r.cbe(row.PharmacyCBE)},
			DeliveryDate: r.date(row.DeliveryDate), Quantity: row.Quantity, Location: row.Location,
			Side: register.Side(row.Side),
		},
		UDIDI: row.UDIDI, Unregistered: row.Unregistered, Number: r.number(row.Number), Patient: r.ssin(row.Patient),
		OperationDate: r.date(row.OperationDate), Remaining: row.Remaining,
	}
	if row.Device.Code != "" {
		device := row.Device.device(r)
		implant.Device = &device
	}
	return implant
}

type removalRow struct {
	version
	ImplantID string `db:"implant_id"`
	Quantity  int    `db:"quantity"`
	Reason    string `db:"reason"`
	Remaining int    `db:"remaining"`
}

type warningRow struct {
	version
	Code  string `db:"code"`
	Path  string `db:"path"`
	Facts string `db:"facts"`
}

type summaryRow struct {
	Number          string `db:"number"`
	Type            string `db:"type"`
	OperationDate   string `db:"operation_date"`
	Patient         string `db:"patient_ssin"`
	SpecialistSSIN  string `db:"specialist_ssin"`
	SpecialistNIHII string `db:"specialist_nihii"`
	State           string `db:"state"`
	Lines           int    `db:"line_count"`
}

func (row summaryRow) summary(r *reading) register.Summary {
	return register.Summary{Number: r.number(row.Number), Type: register.OperationType(row.Type),
		OperationDate: r.date(row.OperationDate), Patient: r.ssin(row.Patient),
		Specialist: r.professional(row.SpecialistSSIN, row.SpecialistNIHII), State: register.State(row.State),
		ImplantCount: row.Lines}
}
