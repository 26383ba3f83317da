package pdfua

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// file is a complete revision of a document.
type file struct {
	bytes      []byte
	id         string // of the document, in hexadecimal
	xref       int    // offset of the cross-reference stream
	lastObject reference
}

// crossReference is the place of an object (7.5.8.3): its offset in the file, or its index in an object stream.
type crossReference struct {
	kind  byte // 1: at offset place; 2: in the object stream with number place
	place int
	index int
}

const (
	kindFree       = 0
	kindOffset     = 1
	kindCompressed = 2

	// objectsPerStream bounds what a reader decompresses to find one object.
	objectsPerStream = 200
)

// layOut writes all objects: streams as they are, all others into object streams, which halves the size of a file.
func (d *Document) layOut(catalog reference) file {
	b := []byte("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	count := len(d.objects)
	places := make([]crossReference, count+1, count+10)
	var compressed []int
	for i, o := range d.objects {
		if !o.isTopLevel {
			compressed = append(compressed, i+1)
			continue
		}
		places[i+1] = crossReference{kind: kindOffset, place: len(b)}
		if d.signature != nil && d.signature.value == reference(i+1) {
			d.signature.offset = len(b)
		}
		b = appendObject(b, i+1, o.body)
	}
	for len(compressed) > 0 {
		group := compressed[:min(objectsPerStream, len(compressed))]
		compressed = compressed[len(group):]
		number := len(places)
		for i, o := range group {
			places[o] = crossReference{kind: kindCompressed, place: number, index: i}
		}
		places = append(places, crossReference{kind: kindOffset, place: len(b)})
		b = appendObject(b, number, d.encodeObjectStream(group))
	}
	id := sha256.Sum256(b)
	f := file{id: hex.EncodeToString(id[:16]), xref: len(b), lastObject: reference(len(places))}
	places = append(places, crossReference{kind: kindOffset, place: len(b)})
	f.bytes = d.appendXref(b, &f, catalog, "", places)
	return f
}

func appendObject(b []byte, number int, body []byte) []byte {
	b = append(strconv.AppendInt(b, int64(number), 10), " 0 obj\n"...)
	return append(append(b, body...), "\nendobj\n"...)
}

// encodeObjectStream returns an object stream (7.5.7).
func (d *Document) encodeObjectStream(numbers []int) []byte {
	var index, bodies []byte
	for _, n := range numbers {
		index = append(strconv.AppendInt(index, int64(n), 10), ' ')
		index = append(strconv.AppendInt(index, int64(len(bodies)), 10), ' ')
		bodies = append(append(bodies, d.objects[n-1].body...), '\n')
	}
	entries := "/Type/ObjStm/N " + strconv.Itoa(len(numbers)) + "/First " + strconv.Itoa(len(index))
	return d.encodeStream(entries, append(index, bodies...))
}

// appendXref appends a cross-reference stream (7.5.8), the last object of a revision, and the end of the file.
func (d *Document) appendXref(b []byte, f *file, catalog reference, entries string, places []crossReference) []byte {
	start := len(b)
	table := make([]byte, 0, 7*len(places))
	for _, p := range places {
		table = append(table, p.kind)
		table = binary.BigEndian.AppendUint32(table, uint32(p.place)) //nolint:gosec // files are far below 4 GiB
		table = binary.BigEndian.AppendUint16(table, uint16(p.index)) //nolint:gosec // below objectsPerStream
	}
	if places[0].kind == kindFree {
		table[5], table[6] = 0xff, 0xff // the head of the list of free objects has generation 65535
	}
	dictionary := appendReference([]byte("/Type/XRef/W[1 4 2]/Size "+strconv.Itoa(int(f.lastObject)+1)+"/Root "), catalog)
	dictionary = append(dictionary, "/ID[<"+f.id+"><"+f.id+">]"+entries...)
	b = appendObject(b, int(f.lastObject), d.encodeStream(string(dictionary), table))
	b = append(b, "startxref\n"...)
	return append(strconv.AppendInt(b, int64(start), 10), "\n%%EOF\n"...)
}
