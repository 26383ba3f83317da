package implants

import (
	"fmt"
	"strings"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

// The row types hold the columns of a statement as stored. A row that is inserted has a constructor and a conversion
// beside each other, so that a new column is added in one place.

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

// storedDeviceRow is a row of the table device. No statement reads the search text.
type storedDeviceRow struct {
	deviceRow
	SearchText string `db:"search_text"`
}

var deviceTable = engine.NewTable[storedDeviceRow]("device", engine.DoUpdate("code"))

func newDeviceRow(d *implants.Device) storedDeviceRow {
	return storedDeviceRow{SearchText: deviceSearchText(d), deviceRow: deviceRow{
		Code:           d.Code.Digits(),
		Name:           d.Name,
		Reference:      d.Reference,
		Manufacturer:   d.Manufacturer,
		Distributor:    d.Distributor,
		Classification: d.Classification,
		Category:       d.Category,
		UDIDIs:         strings.Join(d.UDIDIs, "\n"),
		Status:         string(d.Status),
		ValidFrom:      d.ValidFrom.String(),
		DeletedOn:      d.DeletedOn.String(),
		RecalledOn:     d.RecalledOn.String(),
	}}
}

func (row deviceRow) toDevice(c *identity.Converter) implants.Device {
	return implants.Device{
		Code:           c.ParseCode(row.Code),
		Name:           row.Name,
		Reference:      row.Reference,
		Manufacturer:   row.Manufacturer,
		Distributor:    row.Distributor,
		Classification: row.Classification,
		Category:       row.Category,
		UDIDIs:         splitLines(row.UDIDIs),
		Status:         implants.DeviceStatus(row.Status),
		ValidFrom:      c.ParseDate(row.ValidFrom),
		DeletedOn:      c.ParseDate(row.DeletedOn),
		RecalledOn:     c.ParseDate(row.RecalledOn),
	}
}

// splitLines splits a text at newlines. Device identifiers contain none.
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

type notificationRow struct {
	versionKey
	Seq              int64            `db:"seq" insert:"-"`
	State            string           `db:"state"`
	Change           string           `db:"change"`
	ChangeReason     []byte           `db:"change_reason"`
	Number           string           `db:"number"`
	Type             string           `db:"type"`
	Specialist       int64            `db:"specialist"`
	SpecialistNIHII  string           `db:"specialist_nihii"`
	SurgeryDate      string           `db:"operation_date"`
	Patient          int64            `db:"patient"`
	Prescriber       int64            `db:"prescriber"`
	PrescriberNIHII  string           `db:"prescriber_nihii"`
	PrescriptionDate string           `db:"prescription_date"`
	Comment          []byte           `db:"comment"`
	RegisteredAt     engine.Timestamp `db:"registered_at"`
	Digest           []byte           `db:"digest"`
	Signer           string           `db:"signer"`
	Organisation     string           `db:"organisation"`
	Author           int64            `db:"author"`
	InputReference   []byte           `db:"input_reference"`
	ContentDigest    []byte           `db:"content_digest"`
}

var notificationTable = engine.NewTable[notificationRow]("notification", engine.OnConflict{})

func newNotificationRow(c *identity.ColumnWriter, n *implants.Notification,
	patient *identity.Pseudonym) notificationRow {
	key := versionKey{n.Reference, n.Version}
	return notificationRow{
		versionKey:       key,
		State:            string(n.State),
		Change:           string(n.Change),
		ChangeReason:     c.SealText(patient, n.ChangeReason, key.associatedData("change reason")),
		Number:           n.Number.Digits(),
		Type:             string(n.Type),
		Specialist:       c.ProfessionalID(n.Specialist.SSIN),
		SpecialistNIHII:  n.Specialist.NIHII.Digits(),
		SurgeryDate:      n.SurgeryDate.String(),
		Patient:          patient.IDOrZero(),
		Prescriber:       c.ProfessionalID(n.Prescriber.SSIN),
		PrescriberNIHII:  n.Prescriber.NIHII.Digits(),
		PrescriptionDate: n.PrescriptionDate.String(),
		Comment:          c.SealText(patient, n.Comment, key.associatedData("comment")),
		RegisteredAt:     engine.Timestamp(n.RegisteredAt),
		Digest:           n.Digest[:],
		Signer:           c.Signer(n.Signer),
		Organisation:     n.Organisation.Digits(),
		Author:           c.CallerID(n.Author),
		InputReference:   c.SealText(patient, n.InputReference, key.associatedData("input reference")),
		// A plain digest would tell the patient to who tries all numbers, because it covers little else that is secret.
		ContentDigest: c.SealText(patient, string(n.ContentDigest[:]), key.associatedData("content digest")),
	}
}

func (row notificationRow) toNotification(c *identity.Converter) implants.Notification {
	return implants.Notification{
		Reference: row.Reference,
		Version:   row.Version,
		State:     implants.State(row.State),
		Change:    implants.Change(row.Change),
		ChangeReason: c.OpenText(row.Patient, row.ChangeReason,
			row.associatedData("change reason")),
		Number:           c.ParseNumber(row.Number),
		Type:             implants.SurgeryType(row.Type),
		Specialist:       professionalRef(c, row.Specialist, row.SpecialistNIHII),
		SurgeryDate:      c.ParseDate(row.SurgeryDate),
		Patient:          c.SSIN(row.Patient),
		Prescriber:       professionalRef(c, row.Prescriber, row.PrescriberNIHII),
		PrescriptionDate: c.ParseDate(row.PrescriptionDate),
		Comment:          c.OpenText(row.Patient, row.Comment, row.associatedData("comment")),
		RegisteredAt:     time.Time(row.RegisteredAt),
		Digest:           c.ParseDigest(row.Digest),
		Signer:           c.ParseSigner(row.Signer),
		Organisation:     c.ParseNIHII(row.Organisation),
		Author:           c.CacheableSSIN(row.Author),
		InputReference:   c.OpenText(row.Patient, row.InputReference, row.associatedData("input reference")),
		ContentDigest: c.ParseDigest([]byte(c.OpenText(row.Patient, row.ContentDigest,
			row.associatedData("content digest")))),
	}
}

// implantRow is a row of the table implant.
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
}

var implantTable = engine.NewTable[implantRow]("implant", engine.OnConflict{})

func newImplantRow(c *identity.ColumnWriter, n *implants.Notification, i int, patient *identity.Pseudonym) implantRow {
	implant, key := &n.Implants[i], versionKey{n.Reference, n.Version}
	return implantRow{
		versionKey:      key,
		Line:            i + 1,
		ID:              implant.ID,
		Code:            implant.Code.Digits(),
		UDI:             implant.UDI,
		Lot:             implant.Lot,
		Serial:          implant.Serial,
		Expiry:          implant.Expiry.String(),
		Pharmacist:      c.ProfessionalID(implant.Pharmacist.SSIN),
		PharmacistNIHII: implant.Pharmacist.NIHII.Digits(),
		PharmacyNIHII:   implant.Pharmacy.NIHII.Digits(),
		PharmacyCBE:     implant.Pharmacy.CBE.Digits(),
		DeliveryDate:    implant.DeliveryDate.String(),
		Quantity:        implant.Quantity,
		Location:        c.SealText(patient, implant.Location, key.associatedData("location", i+1)),
		Side:            string(implant.Side),
		UDIDI:           implant.UDIDI,
		Unregistered:    implant.Unregistered,
	}
}

// foundImplantRow is an implantRow with columns of its notification and of its device.
type foundImplantRow struct {
	implantRow
	Number      string `db:"number"`
	Patient     int64  `db:"patient"`
	SurgeryDate string `db:"operation_date"`
	Remaining   int    `db:"remaining"`
	InForce     bool   `db:"in_force"`
	// Device has empty columns when the implant is not in the device list.
	Device deviceRow `db:"device"`
}

func (row foundImplantRow) toImplant(c *identity.Converter) implants.Implant {
	implant := implants.Implant{
		ID: row.ID,
		NotifiedImplant: implants.NotifiedImplant{
			Code:       c.ParseCode(row.Code),
			UDI:        row.UDI,
			Lot:        row.Lot,
			Serial:     row.Serial,
			Expiry:     c.ParseDate(row.Expiry),
			Pharmacist: professionalRef(c, row.Pharmacist, row.PharmacistNIHII),
			Pharmacy: platform.OrganisationRef{
				NIHII: c.ParseNIHII(row.PharmacyNIHII),
				CBE:   c.ParseCBE(row.PharmacyCBE),
			},
			DeliveryDate: c.ParseDate(row.DeliveryDate),
			Quantity:     row.Quantity,
			Location:     c.OpenText(row.Patient, row.Location, row.associatedData("location", row.Line)),
			Side:         implants.Side(row.Side),
		},
		UDIDI:        row.UDIDI,
		Unregistered: row.Unregistered,
		Number:       c.ParseNumber(row.Number),
		Patient:      c.SSIN(row.Patient),
		SurgeryDate:  c.ParseDate(row.SurgeryDate),
		Remaining:    row.Remaining,
		InForce:      row.InForce,
	}
	if row.Device.Code != "" {
		device := row.Device.toDevice(c)
		implant.Device = &device
	}
	return implant
}

// removalRow is a row of the table removal.
type removalRow struct {
	versionKey
	Line        int    `db:"line"`
	ImplantID   string `db:"implant_id"`
	Quantity    int    `db:"quantity"`
	Reason      []byte `db:"reason"`
	Remaining   int    `db:"remaining"`
	SurgeryDate string `db:"operation_date"`
}

var removalTable = engine.NewTable[removalRow]("removal", engine.OnConflict{})

func newRemovalRow(c *identity.ColumnWriter, n *implants.Notification, i int, patient *identity.Pseudonym) removalRow {
	removal, key := &n.Removals[i], versionKey{n.Reference, n.Version}
	return removalRow{
		versionKey:  key,
		Line:        i + 1,
		ImplantID:   removal.ImplantID,
		Quantity:    removal.Quantity,
		Reason:      c.SealText(patient, removal.Reason, key.associatedData("reason", i+1)),
		Remaining:   removal.Remaining,
		SurgeryDate: n.SurgeryDate.String(),
	}
}

// foundRemovalRow is a removalRow with the patient of its notification.
type foundRemovalRow struct {
	removalRow
	Patient int64 `db:"patient"`
}

// toRemoval leaves out the fields that repeat the notification's.
func (row foundRemovalRow) toRemoval(c *identity.Converter) implants.Removal {
	return implants.Removal{
		ImplantID: row.ImplantID,
		Quantity:  row.Quantity,
		Remaining: row.Remaining,
		Reason:    c.OpenText(row.Patient, row.Reason, row.associatedData("reason", row.Line)),
	}
}

func (row foundRemovalRow) toRemovalWithNotification(c *identity.Converter) implants.Removal {
	removal := row.toRemoval(c)
	removal.Reference, removal.SurgeryDate = row.Reference, c.ParseDate(row.SurgeryDate)
	return removal
}

type revisionRow struct {
	versionKey
	Patient      int64            `db:"patient"`
	RegisteredAt engine.Timestamp `db:"registered_at"`
	Organisation string           `db:"organisation"`
	Author       int64            `db:"author"`
	State        string           `db:"state"`
	Change       string           `db:"change"`
	ChangeReason []byte           `db:"change_reason"`
}

func (row revisionRow) toRevision(c *identity.Converter) implants.VersionSummary {
	return implants.VersionSummary{
		Version:      row.Version,
		RegisteredAt: time.Time(row.RegisteredAt),
		Organisation: c.ParseNIHII(row.Organisation),
		Author:       c.CacheableSSIN(row.Author),
		State:        implants.State(row.State),
		Change:       implants.Change(row.Change),
		ChangeReason: c.OpenText(row.Patient, row.ChangeReason, row.associatedData("change reason")),
	}
}

type warningRow struct {
	versionKey
	Line  int    `db:"line"`
	Code  string `db:"code"`
	Path  string `db:"path"`
	Facts string `db:"facts"`
}

// submissionRow records the version that a submission with an idempotency key created. InputReference is a hash.
type submissionRow struct {
	Signer         string `db:"signer"`
	InputReference string `db:"input_reference"`
	versionKey
}

type pendingRow struct {
	Reference    string `db:"reference"`
	Specialist   int64  `db:"specialist"`
	Author       int64  `db:"author"`
	Organisation string `db:"organisation"`
}

var (
	warningTable    = engine.NewTable[warningRow]("warning", engine.OnConflict{})
	submissionTable = engine.NewTable[submissionRow]("submission", engine.OnConflict{})
	pendingTable    = engine.NewTable[pendingRow]("pending", engine.DoUpdate("reference"))
)

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

func (row summaryRow) toSummary(c *identity.Converter) implants.NotificationSummary {
	return implants.NotificationSummary{
		Reference:    row.Reference,
		Version:      row.Version,
		Number:       c.ParseNumber(row.Number),
		Type:         implants.SurgeryType(row.Type),
		SurgeryDate:  c.ParseDate(row.SurgeryDate),
		Patient:      c.SSIN(row.Patient),
		Specialist:   professionalRef(c, row.Specialist, row.SpecialistNIHII),
		State:        implants.State(row.State),
		ImplantCount: row.Lines,
	}
}

func professionalRef(c *identity.Converter, subject int64, nihii string) platform.ProfessionalRef {
	return platform.ProfessionalRef{SSIN: c.CacheableSSIN(subject), NIHII: c.ParseNIHII(nihii)}
}
