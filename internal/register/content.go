package register

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/openctr/ctr/internal/register/ident"
)

// contentHash computes the content digest, which shows whether two submissions with the same InputReference (the
// idempotency key) have the same content. It covers the meaning, not the bytes: a retry is signed again, and its
// prefixes and whitespace may differ. Each field is preceded by its length, so that different contents never produce
// the same input. Never change the order of the fields: new digests are compared with those stored years ago.
type contentHash struct{ hash.Hash }

func (h contentHash) text(fields ...string) {
	var size [8]byte
	for _, s := range fields {
		binary.BigEndian.PutUint64(size[:], uint64(len(s)))
		h.Write(size[:])
		h.Write([]byte(s))
	}
}

func (h contentHash) number(n int) {
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(int64(n)))) //nolint:gosec // only the bits matter
}

func (h contentHash) professional(p ProfessionalRef) { h.text(p.SSIN.Digits(), p.NIHII.Digits()) }

func (h contentHash) operation(t OperationType, save State, specialist ProfessionalRef, day ident.Date, patient ident.SSIN, comment string) {
	h.text(string(t), string(save))
	h.professional(specialist)
	h.text(day.String(), patient.Digits(), comment)
}

func (h contentHash) implant(n *NotifiedImplant) {
	h.text(n.Code.Digits(), n.UDI, n.Lot, n.Serial, n.Expiry.String())
	h.professional(n.Pharmacist)
	h.text(n.Pharmacy.NIHII.Digits(), n.Pharmacy.CBE.Digits(), n.DeliveryDate.String(), n.Location, string(n.Side))
	h.number(n.Quantity)
}

func (h contentHash) sum() (digest [32]byte) {
	h.Sum(digest[:0])
	return digest
}

// contentDigest returns the digest of an implantation as submitted.
func (n *Implantation) digest(save State) [32]byte {
	h := contentHash{sha256.New()}
	h.operation(TypeImplantation, save, n.Specialist, n.OperationDate, n.Patient, n.Comment)
	h.professional(n.Prescriber)
	h.text(n.PrescriptionDate.String())
	h.number(len(n.Implants))
	for i := range n.Implants {
		h.implant(&n.Implants[i])
	}
	return h.sum()
}

// contentDigest returns the digest of an explantation as submitted.
func (n *Explantation) digest(save State) [32]byte {
	h := contentHash{sha256.New()}
	h.operation(TypeExplantation, save, n.Specialist, n.OperationDate, n.Patient, n.Comment)
	h.number(len(n.Explants))
	for i := range n.Explants {
		x := &n.Explants[i]
		h.text(x.ImplantID, x.Reason)
		h.number(x.Quantity)
		if x.Unregistered != nil {
			h.implant(x.Unregistered)
		}
	}
	return h.sum()
}
