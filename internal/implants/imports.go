package implants

import (
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// Import is an extract to import.
type Import struct {
	platform.SourceVersion
	// ComparedWith is the id of the newest version of this kind, with which the entries were compared; 0 when there is
	// none.
	ComparedWith int64
	// Event is recorded in the audit log in the same transaction.
	Event platform.AuditEvent
	// ForEachBatch calls hand with the new and changed entries in batches.
	ForEachBatch func(hand func(SourceEntries) error) error
}

// SourceEntries are entries of the authentic sources.
type SourceEntries struct {
	Persons       []platform.Person
	Practices     []platform.Practice
	Organisations []platform.Organisation
	Affiliations  []platform.Affiliation
	Mandates      []platform.Mandate
	Links         []platform.TherapeuticLink
	Devices       []Device
	Replacements  []platform.SSINReplacement
}

// Append appends the entries of more.
func (entries *SourceEntries) Append(more *SourceEntries) {
	entries.Persons = append(entries.Persons, more.Persons...)
	entries.Practices = append(entries.Practices, more.Practices...)
	entries.Organisations = append(entries.Organisations, more.Organisations...)
	entries.Affiliations = append(entries.Affiliations, more.Affiliations...)
	entries.Mandates = append(entries.Mandates, more.Mandates...)
	entries.Links = append(entries.Links, more.Links...)
	entries.Devices = append(entries.Devices, more.Devices...)
	entries.Replacements = append(entries.Replacements, more.Replacements...)
}

// SourceReader reads the stored entries that an import compares an extract with.
type SourceReader interface {
	Reader
	// DevicesByCode returns the devices that exist among the given codes.
	DevicesByCode(codes []ident.NotificationCode) (map[ident.NotificationCode]Device, error)
	// ListedDevices returns up to limit devices that the device list has not deleted, in the order of their codes,
	// starting after the given code.
	ListedDevices(after string, limit int) ([]Device, error)

	// The following methods return the entries that have not ended before the given day. They leave out the roles that
	// organisations assign, because no extract contains them.

	UnexpiredAffiliations(day ident.Date) ([]platform.Affiliation, error)
	UnexpiredMandates(day ident.Date) ([]platform.Mandate, error)
	UnexpiredLinks(day ident.Date) ([]platform.TherapeuticLink, error)
}
