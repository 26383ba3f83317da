package implants

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// contentHash computes the content digest, which shows whether two submissions with the same InputReference (the
// idempotency key) have the same content. It covers the meaning, not the bytes: a retry is signed again, and its
// prefixes and whitespace may differ. Each field is preceded by its length, so that different contents never produce
// the same input. Never change the order of the fields: new digests are compared with those stored years ago.
type contentHash struct{ hash.Hash }

func (h contentHash) writeText(fields ...string) {
	var size [8]byte
	for _, s := range fields {
		binary.BigEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		h.Write([]byte(s))
	}
}

func (h contentHash) writeNumber(n int) {
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(int64(n)))) //nolint:gosec // only the bits matter
}

func (h contentHash) writeProfessional(p platform.ProfessionalRef) {
	h.writeText(p.SSIN.Digits(), p.NIHII.Digits())
}

func (h contentHash) writeSurgery(
	t SurgeryType, save State, specialist platform.ProfessionalRef, day ident.Date, patient ident.SSIN, comment string,
) {
	h.writeText(string(t), string(save))
	h.writeProfessional(specialist)
	h.writeText(day.String(), patient.Digits(), comment)
}

func (h contentHash) writeImplant(n *NotifiedImplant) {
	h.writeText(n.Code.Digits(), n.UDI, n.Lot, n.Serial, n.Expiry.String())
	h.writeProfessional(n.Pharmacist)
	h.writeText(n.Pharmacy.NIHII.Digits(), n.Pharmacy.CBE.Digits(), n.DeliveryDate.String(), n.Location, string(n.Side))
	h.writeNumber(n.Quantity)
}

func (h contentHash) toDigest() (digest [32]byte) {
	h.Sum(digest[:0])
	return digest
}

// contentDigest returns the digest of an implantation as submitted.
func (n *Implantation) contentDigest(save State) [32]byte {
	h := contentHash{sha256.New()}
	h.writeSurgery(TypeImplantation, save, n.Specialist, n.SurgeryDate, n.Patient, n.Comment)
	h.writeProfessional(n.Prescriber)
	h.writeText(n.PrescriptionDate.String())
	h.writeNumber(len(n.Implants))
	for i := range n.Implants {
		h.writeImplant(&n.Implants[i])
	}
	return h.toDigest()
}

// contentDigest returns the digest of an explantation as submitted.
func (n *Explantation) contentDigest(save State) [32]byte {
	h := contentHash{sha256.New()}
	h.writeSurgery(TypeExplantation, save, n.Specialist, n.SurgeryDate, n.Patient, n.Comment)
	h.writeNumber(len(n.Explants))
	for i := range n.Explants {
		x := &n.Explants[i]
		h.writeText(x.ImplantID, x.Reason)
		h.writeNumber(x.Quantity)
		if x.Unregistered != nil {
			h.writeImplant(x.Unregistered)
		}
	}
	return h.toDigest()
}
