package implants

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strconv"

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

// ContentDigest returns the digest of an implantation as submitted.
func (n *Implantation) ContentDigest(save State) [32]byte {
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

// ContentDigest returns the digest of an explantation as submitted.
func (n *Explantation) ContentDigest(save State) [32]byte {
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

// VersionDigest returns the digest by which the audit log commits to a stored version: everything that is stored of it,
// in the form of the domain, so that the digest stays the same when its storage is encrypted anew. The numbers of
// persons are those that are stored, not newer ones. The message, whose signature nobody can guess, keeps the digest
// from revealing what it covers. docs/audit.md states the order of the fields; never change it.
func VersionDigest(n *Notification, evidence *Evidence) [32]byte {
	h := contentHash{sha256.New()}
	h.writeText("ctr version 1", n.Reference)
	h.writeNumber(n.Version)
	h.writeText(string(n.State), string(n.Change), n.ChangeReason, n.Number.Digits(), string(n.Type))
	h.writeProfessional(n.Specialist)
	h.writeText(n.SurgeryDate.String(), n.Patient.Digits())
	h.writeProfessional(n.Prescriber)
	h.writeText(n.PrescriptionDate.String(), n.Comment, n.RegisteredAt.UTC().Format("2006-01-02T15:04:05.000000Z"),
		string(n.Digest[:]), n.Signer, n.Organisation.Digits(), n.Author.Digits(), n.InputReference,
		string(n.ContentDigest[:]))
	h.writeNumber(len(n.Implants))
	for i := range n.Implants {
		implant := &n.Implants[i]
		h.writeText(implant.ID)
		h.writeImplant(&implant.NotifiedImplant)
		h.writeText(implant.UDIDI, strconv.FormatBool(implant.Unregistered))
	}
	h.writeNumber(len(n.Removals))
	for i := range n.Removals {
		removal := &n.Removals[i]
		h.writeText(removal.ImplantID, removal.Reason)
		h.writeNumber(removal.Quantity)
		h.writeNumber(removal.Remaining)
	}
	h.writeNumber(len(n.Warnings))
	for _, warning := range n.Warnings {
		h.writeText(string(warning.Code), warning.Path.String(), warning.Detail.Encode())
	}
	message, certificate := sha256.Sum256(evidence.Message), sha256.Sum256(evidence.Certificate)
	h.writeText(string(message[:]), string(certificate[:]))
	return h.toDigest()
}
