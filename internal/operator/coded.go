package operator

import (
	"slices"
	"strings"
	"unicode"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
)

// The words of the coded columns. An entry with a word that no rule knows would have no effect without anyone noticing.
var (
	professions = []platform.Profession{platform.Physician, platform.Dentist, platform.Pharmacist}
	roles       = []platform.Role{
		platform.RoleSpecialist, platform.RoleTitularPharmacist, platform.RoleAdministrative, platform.RoleManager,
		platform.RoleChiefManager,
	}
	deviceStatuses = []implants.DeviceStatus{
		implants.DeviceActive, implants.DeviceDeleted, implants.DeviceRecalled,
	}
)

// parseWord returns the word of a list that the column has in upper or lower case.
func parseWord[T ~string](l *sourceRow, column string, words []T) T {
	text := l.parseText(column)
	names := make([]string, len(words))
	for i, word := range words {
		if strings.EqualFold(text, string(word)) {
			return word
		}
		names[i] = string(word)
	}
	last := len(names) - 1
	l.appendError(column, "is not "+strings.Join(names[:last], ", ")+" or "+names[last])
	return ""
}

// parseCategory returns a category of the Royal Decree, which an entry may lack.
func (l *sourceRow) parseCategory(column string) string {
	if l.parseText(column) == "" {
		return ""
	}
	return parseWord(l, column, implants.Categories())
}

// parseService returns the service of a mandate. Those of other services are imported and have no effect here.
func (l *sourceRow) parseService(column string) string {
	text := l.parseRequiredText(column)
	if strings.EqualFold(text, platform.MandateService) {
		return platform.MandateService
	}
	return text
}

// parseDIs returns the normal forms of a list of device identifiers, which blanks, commas, semicolons or vertical bars
// separate.
func (l *sourceRow) parseDIs(column string) []string {
	isSeparator := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;|", r) }
	var all []string
	for _, text := range strings.FieldsFunc(l.parseText(column), isSeparator) {
		readings, err := udi.ParseDI(text)
		if err != nil {
			l.appendError(column, "holds a text that is no device identifier: "+udi.ExplainError(err))
			continue
		}
		for _, di := range readings {
			if !slices.Contains(all, di) {
				all = append(all, di)
			}
		}
	}
	return all
}
