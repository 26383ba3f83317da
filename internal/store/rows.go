package store

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// The row types hold the columns of a statement as stored. Their conversions reject values that this program cannot
// have written.

// timestamp is a point in time as stored: UTC, in microseconds.
type timestamp time.Time

const timestampLayout = "2006-01-02T15:04:05.000000Z"

// Value formats the timestamp so that its text sorts by time and PostgreSQL can parse it.
func (i timestamp) Value() (driver.Value, error) {
	return time.Time(i).UTC().Truncate(time.Microsecond).Format(timestampLayout), nil
}

// Scan accepts the types that either driver returns.
func (i *timestamp) Scan(value any) error {
	switch v := value.(type) {
	case time.Time:
		*i = timestamp(v.UTC())
		return nil
	case string:
		t, err := time.Parse(timestampLayout, v)
		if err != nil {
			return fmt.Errorf("instant: %w", err)
		}
		*i = timestamp(t)
		return nil
	}
	return fmt.Errorf("instant kept as %T", value)
}

// rowConverter converts the columns of rows and records the first error. It collects the pseudonyms that the
// transaction has not loaded yet, so that the rows can be converted again once they are loaded.
type rowConverter struct {
	tx      *tx
	missing map[int64]bool // pseudonym ids, true when the identity cache may hold them
	err     error
}

func parseColumn[T any](c *rowConverter, parse func(string) (T, error), text string) T {
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

func (c *rowConverter) parseNIHII(text string) ident.NIHII {
	return parseColumn(c, ident.ParseNIHII, text)
}
func (c *rowConverter) parseCBE(text string) ident.CBE { return parseColumn(c, ident.ParseCBE, text) }
func (c *rowConverter) parseDate(text string) ident.Date {
	return parseColumn(c, ident.ParseDate, text)
}
func (c *rowConverter) parseCode(text string) ident.NotificationCode {
	return parseColumn(c, ident.ParseNotificationCode, text)
}
func (c *rowConverter) parseNumber(text string) ident.NotificationNumber {
	return parseColumn(c, ident.ParseNotificationNumber, text)
}
func (c *rowConverter) professionalRef(subject int64, nihii string) implants.ProfessionalRef {
	return implants.ProfessionalRef{SSIN: c.cacheableSSIN(subject), NIHII: c.parseNIHII(nihii)}
}

// currentSSIN returns a person's newest SSIN. cacheableSSIN does so for a person whom the identity cache may hold.
func (c *rowConverter) currentSSIN(id int64) ident.SSIN   { return c.resolveSSIN(id, false) }
func (c *rowConverter) cacheableSSIN(id int64) ident.SSIN { return c.resolveSSIN(id, true) }

func (c *rowConverter) resolveSSIN(id int64, remember bool) ident.SSIN {
	if pseudonym := c.resolvePseudonym(id, remember); pseudonym != nil {
		return pseudonym.currentSSIN
	}
	return ident.SSIN{}
}

// resolvePseudonym returns nil when id is 0, and as long as the pseudonym is not loaded.
func (c *rowConverter) resolvePseudonym(id int64, remember bool) *pseudonym {
	if id == 0 {
		return nil
	}
	pseudonym := c.tx.knownPseudonym(id)
	if pseudonym == nil {
		if c.missing == nil {
			c.missing = make(map[int64]bool)
		}
		c.missing[id] = remember
	}
	return pseudonym
}

// openText opens a sealed text about a person.
func (c *rowConverter) openText(id int64, sealed []byte, associatedData ...any) string {
	pseudonym := c.resolvePseudonym(id, false)
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
func (c *rowConverter) parseSigner(column string) string {
	id, rest, personal := strings.Cut(strings.TrimPrefix(column, pseudonymSignerPrefix), ",")
	if !strings.HasPrefix(column, pseudonymSignerPrefix) {
		return column
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		c.err = err
		return ""
	}
	pseudonym := c.resolvePseudonym(number, false)
	if pseudonym == nil {
		return ""
	}
	if personal {
		rest = "," + rest
	}
	return ssinSignerPrefix + pseudonym.ssin.Digits() + rest
}
func (c *rowConverter) parsePeriod(from, to string) implants.Period {
	return implants.Period{From: c.parseDate(from), To: c.parseDate(to)}
}

func (c *rowConverter) parseDigest(column []byte) [32]byte {
	var digest [32]byte
	if copy(digest[:], column) != len(column) && c.err == nil {
		c.err = fmt.Errorf("digest of %d bytes", len(column))
	}
	return digest
}

// wrapError returns the first error as INTERNAL_ERROR: an invalid row is a bug, whichever code the parser gave it.
func (c *rowConverter) wrapError(table string) error {
	if c.err == nil {
		return nil
	}
	return problem.Wrap(problem.InternalError, fmt.Errorf("row of %s: %w", table, c.err))
}

// convertRows converts rows, and returns the first error.
func convertRows[R, T any](tx *tx, rows []R, table string, convert func(R, *rowConverter) T) ([]T, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	values := make([]T, len(rows))
	err := tx.runConversion(table, func(c *rowConverter) {
		for i, row := range rows {
			values[i] = convert(row, c)
		}
	})
	return values, err
}

// runConversion runs a conversion, and again when it needed pseudonyms that were not loaded.
func (tx *tx) runConversion(table string, convert func(*rowConverter)) error {
	c := &rowConverter{tx: tx}
	convert(c)
	if c.missing != nil {
		if err := tx.loadPseudonyms(c.missing); err != nil {
			return err
		}
		c = &rowConverter{tx: tx}
		convert(c)
		if c.missing != nil && c.err == nil {
			c.err = errors.New("it names a subject that is not there")
		}
	}
	return c.wrapError(table)
}

type personRow struct {
	PseudonymID int64  `db:"subject"`
	Sealed      []byte `db:"sealed"`
}

// toPerson opens the sealed entry: a JSON array of four strings.
func (row personRow) toPerson(c *rowConverter) implants.Person {
	p := implants.Person{SSIN: c.currentSSIN(row.PseudonymID)}
	text := c.openText(row.PseudonymID, row.Sealed, personAssociatedData)
	if text == "" {
		return p
	}
	var parts [4]string
	if err := json.Unmarshal([]byte(text), &parts); err != nil && c.err == nil {
		c.err = err
	}
	p.FirstName, p.LastName, p.BirthDate, p.DeathDate = parts[0], parts[1], c.parseDate(parts[2]), c.parseDate(parts[3])
	return p
}

type practiceRow struct {
	PseudonymID int64  `db:"subject"`
	NIHII       string `db:"nihii"`
	Profession  string `db:"profession"`
	Speciality  string `db:"speciality"`
	From        string `db:"valid_from"`
	To          string `db:"valid_to"`
}

func (row practiceRow) toPractice(c *rowConverter) implants.Practice {
	return implants.Practice{SSIN: c.cacheableSSIN(row.PseudonymID), NIHII: c.parseNIHII(row.NIHII),
		Profession: implants.Profession(row.Profession), Speciality: row.Speciality, Period: c.parsePeriod(row.From, row.To)}
}

type organisationRow struct {
	NIHII string `db:"nihii"`
	CBE   string `db:"cbe"`
	Type  string `db:"type"`
	Name  string `db:"name"`
}

func (row organisationRow) toOrganisation(c *rowConverter) implants.Organisation {
	return implants.Organisation{NIHII: c.parseNIHII(row.NIHII), CBE: c.parseCBE(row.CBE), Type: row.Type, Name: row.Name}
}

type affiliationRow struct {
	Organisation string `db:"organisation"`
	PseudonymID  int64  `db:"subject"`
	Role         string `db:"role"`
	From         string `db:"valid_from"`
	To           string `db:"valid_to"`
}

func (row affiliationRow) toAffiliation(c *rowConverter) implants.Affiliation {
	return implants.Affiliation{Organisation: c.parseNIHII(row.Organisation), SSIN: c.cacheableSSIN(row.PseudonymID),
		Role: implants.Role(row.Role), Period: c.parsePeriod(row.From, row.To)}
}

type therapeuticLinkRow struct {
	Patient      int64  `db:"patient"`
	Professional int64  `db:"professional"`
	Type         string `db:"type"`
	From         string `db:"valid_from"`
	To           string `db:"valid_to"`
}

func (row therapeuticLinkRow) toTherapeuticLink(c *rowConverter) implants.TherapeuticLink {
	return implants.TherapeuticLink{Patient: c.currentSSIN(row.Patient), Professional: c.cacheableSSIN(row.Professional),
		Type: row.Type, Period: c.parsePeriod(row.From, row.To)}
}

type mandateRow struct {
	Grantor    int64  `db:"grantor"`
	Grantee    int64  `db:"grantee"`
	Service    string `db:"service"`
	AcceptedOn string `db:"accepted_on"`
	From       string `db:"valid_from"`
	To         string `db:"valid_to"`
}

func (row mandateRow) toMandate(c *rowConverter) implants.Mandate {
	return implants.Mandate{Grantor: c.cacheableSSIN(row.Grantor), Grantee: c.cacheableSSIN(row.Grantee), Service: row.Service,
		AcceptedOn: c.parseDate(row.AcceptedOn), Period: c.parsePeriod(row.From, row.To)}
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

func (row deviceRow) toDevice(c *rowConverter) implants.Device {
	return implants.Device{Code: c.parseCode(row.Code), Name: row.Name, Reference: row.Reference,
		Manufacturer: row.Manufacturer, Distributor: row.Distributor, Classification: row.Classification,
		Category: row.Category, UDIDIs: splitLines(row.UDIDIs), Status: implants.DeviceStatus(row.Status),
		ValidFrom: c.parseDate(row.ValidFrom), DeletedOn: c.parseDate(row.DeletedOn), RecalledOn: c.parseDate(row.RecalledOn)}
}

// splitLines splits a text at newlines. Neither device identifiers nor codes contain one.
func splitLines(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, "\n")
}

// versionKey identifies a version of a notification.
type versionKey struct {
	Reference string `db:"reference"`
	Version   int    `db:"version"`
}

// associatedData is the associated data of a sealed text of the version, or of one of its lines.
func (v versionKey) associatedData(what string, line ...int) string {
	return fmt.Sprint(what, " ", v.Reference, " ", v.Version, line)
}

// personAssociatedData is the associated data of a person's names and dates.
const personAssociatedData = "person"

type notificationRow struct {
	versionKey
	Seq              int64     `db:"seq"`
	State            string    `db:"state"`
	Change           string    `db:"change"`
	ChangeReason     []byte    `db:"change_reason"`
	Number           string    `db:"number"`
	Type             string    `db:"type"`
	Specialist       int64     `db:"specialist"`
	SpecialistNIHII  string    `db:"specialist_nihii"`
	SurgeryDate      string    `db:"operation_date"`
	Patient          int64     `db:"patient"`
	Prescriber       int64     `db:"prescriber"`
	PrescriberNIHII  string    `db:"prescriber_nihii"`
	PrescriptionDate string    `db:"prescription_date"`
	Comment          []byte    `db:"comment"`
	RegisteredAt     timestamp `db:"registered_at"`
	Digest           []byte    `db:"digest"`
	Signer           string    `db:"signer"`
	Organisation     string    `db:"organisation"`
	Author           int64     `db:"author"`
	InputReference   string    `db:"input_reference"`
	ContentDigest    []byte    `db:"content_digest"`
}

func (row notificationRow) toNotification(c *rowConverter) implants.Notification {
	return implants.Notification{
		Reference: row.Reference, Version: row.Version, State: implants.State(row.State),
		Change: implants.Change(row.Change), ChangeReason: c.openText(row.Patient, row.ChangeReason, row.associatedData("change reason")), Number: c.parseNumber(row.Number),
		Type: implants.SurgeryType(row.Type), Specialist: c.professionalRef(row.Specialist, row.SpecialistNIHII),
		SurgeryDate: c.parseDate(row.SurgeryDate), Patient: c.currentSSIN(row.Patient),
		Prescriber: c.professionalRef(row.Prescriber, row.PrescriberNIHII), PrescriptionDate: c.parseDate(row.PrescriptionDate),
		Comment: c.openText(row.Patient, row.Comment, row.associatedData("comment")), RegisteredAt: time.Time(row.RegisteredAt), Digest: c.parseDigest(row.Digest), Signer: c.parseSigner(row.Signer),
		Organisation: c.parseNIHII(row.Organisation), Author: c.cacheableSSIN(row.Author), InputReference: row.InputReference,
		ContentDigest: c.parseDigest(row.ContentDigest),
	}
}

type implantRow struct {
	versionKey
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
	SurgeryDate     string `db:"operation_date"`
	Remaining       int    `db:"remaining"`
	InForce         bool   `db:"in_force"`
	// Device has empty columns when the implant is not in the device list.
	Device deviceRow `db:"device"`
}

func (row implantRow) toImplant(c *rowConverter) implants.Implant {
	implant := implants.Implant{
		ID: row.ID,
		NotifiedImplant: implants.NotifiedImplant{
			Code: c.parseCode(row.Code), UDI: row.UDI, Lot: row.Lot, Serial: row.Serial, Expiry: c.parseDate(row.Expiry),
			Pharmacist:   c.professionalRef(row.Pharmacist, row.PharmacistNIHII),
			Pharmacy:     implants.PharmacyRef{NIHII: c.parseNIHII(row.PharmacyNIHII), CBE: c.parseCBE(row.PharmacyCBE)},
			DeliveryDate: c.parseDate(row.DeliveryDate), Quantity: row.Quantity, Location: c.openText(row.Patient, row.Location, row.associatedData("location", row.Line)),
			Side: implants.Side(row.Side),
		},
		UDIDI: row.UDIDI, Unregistered: row.Unregistered, Number: c.parseNumber(row.Number), Patient: c.currentSSIN(row.Patient),
		SurgeryDate: c.parseDate(row.SurgeryDate), Remaining: row.Remaining, InForce: row.InForce,
	}
	if row.Device.Code != "" {
		device := row.Device.toDevice(c)
		implant.Device = &device
	}
	return implant
}

type removalRow struct {
	versionKey
	Line        int    `db:"line"`
	Patient     int64  `db:"patient"`
	ImplantID   string `db:"implant_id"`
	Quantity    int    `db:"quantity"`
	Reason      []byte `db:"reason"`
	Remaining   int    `db:"remaining"`
	SurgeryDate string `db:"operation_date"`
}

// toRemoval leaves out the fields that repeat the notification's.
func (row removalRow) toRemoval(c *rowConverter) implants.Removal {
	return implants.Removal{ImplantID: row.ImplantID, Quantity: row.Quantity, Remaining: row.Remaining,
		Reason: c.openText(row.Patient, row.Reason, row.associatedData("reason", row.Line))}
}

func (row removalRow) toRemovalWithNotification(c *rowConverter) implants.Removal {
	removal := row.toRemoval(c)
	removal.Reference, removal.SurgeryDate = row.Reference, c.parseDate(row.SurgeryDate)
	return removal
}

type revisionRow struct {
	versionKey
	Patient      int64     `db:"patient"`
	RegisteredAt timestamp `db:"registered_at"`
	Organisation string    `db:"organisation"`
	Author       int64     `db:"author"`
	State        string    `db:"state"`
	Change       string    `db:"change"`
	ChangeReason []byte    `db:"change_reason"`
}

func (row revisionRow) toRevision(c *rowConverter) implants.VersionSummary {
	return implants.VersionSummary{Version: row.Version, RegisteredAt: time.Time(row.RegisteredAt), Organisation: c.parseNIHII(row.Organisation),
		Author: c.cacheableSSIN(row.Author), State: implants.State(row.State), Change: implants.Change(row.Change),
		ChangeReason: c.openText(row.Patient, row.ChangeReason, row.associatedData("change reason"))}
}

type warningRow struct {
	versionKey
	Code  string `db:"code"`
	Path  string `db:"path"`
	Facts string `db:"facts"`
}

type summaryRow struct {
	versionKey
	Number          string `db:"number"`
	Type            string `db:"type"`
	SurgeryDate     string `db:"operation_date"`
	Patient         int64  `db:"patient"`
	Specialist      int64  `db:"specialist"`
	SpecialistNIHII string `db:"specialist_nihii"`
	State           string `db:"state"`
	Lines           int    `db:"line_count"`
}

func (row summaryRow) toSummary(c *rowConverter) implants.NotificationSummary {
	return implants.NotificationSummary{Reference: row.Reference, Version: row.Version, Number: c.parseNumber(row.Number), Type: implants.SurgeryType(row.Type),
		SurgeryDate: c.parseDate(row.SurgeryDate), Patient: c.currentSSIN(row.Patient),
		Specialist: c.professionalRef(row.Specialist, row.SpecialistNIHII), State: implants.State(row.State),
		ImplantCount: row.Lines}
}
