package card

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/openctr/ctr/internal/implants"
)

// Digest identifies what a card says, whatever it looks like. A card that was signed is handed out for as long as its
// digest stays the same.
func Digest(c *implants.CardContent) string {
	var fields []string
	add := func(more ...string) { fields = append(fields, more...) }
	add(c.Number.Digits(), c.Organisation, c.IssuedAt.UTC().Format(instantLayout))
	add(c.Patient.SSIN.Digits(), c.Patient.FirstName, c.Patient.LastName, c.Patient.BirthDate.String())
	for i := range c.Surgeries {
		s := &c.Surgeries[i]
		add("surgery", s.Number.Digits(), string(s.Type), s.Date.String(), s.SpecialistID.Digits(), s.Organisation,
			s.Specialist.FirstName, s.Specialist.LastName)
		for j := range s.Implants {
			line := &s.Implants[j]
			add("line", line.Code.Digits(), line.UDI, line.Lot, line.Serial, line.Expiry.String(), string(line.Side),
				line.Location, line.SurgeryDate.String(), strconv.Itoa(line.Quantity), strconv.Itoa(line.Remaining))
			if d := line.Device; d != nil {
				add("device", d.Code.Digits(), d.Name, d.Manufacturer, d.Reference)
			}
		}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", fields)) // quoted, so that no value runs into the next
	return hex.EncodeToString(sum[:])
}
