package pdfua

import (
	"bytes"
	"compress/zlib"
	"io"
	"strconv"
	"sync"
	"time"
)

// Info describes a document to its readers.
type Info struct {
	Title     string
	Language  string    // of text that names no other (BCP 47)
	Producer  string    // the program
	CreatedAt time.Time // the same content must have the same time, or its bytes differ
}

// Document is a document under construction. It belongs to one goroutine.
type Document struct {
	info              Info
	objects           []object // number 1 is the first
	pages             []*Page
	root              *Element
	fonts             map[*fontFile]*embeddedFont
	fontOrder         []*embeddedFont
	annotationParents []*Element
	typesetter        *typesetter
	shaped            map[shapeKey]*ShapedText
	deflate           *zlib.Writer
	signature         *signatureField
}

// object is an indirect object.
type object struct {
	body []byte
	// isTopLevel keeps the object out of object streams: a stream (7.5.7), or an object whose bytes are changed when the
	// file is complete.
	isTopLevel bool
}

var deflaters = sync.Pool{New: func() any { return zlib.NewWriter(io.Discard) }}

// New returns an empty document.
func New(info Info) *Document {
	info.CreatedAt = info.CreatedAt.UTC()
	deflate, _ := deflaters.Get().(*zlib.Writer)     // the pool holds nothing else
	typesetter, _ := typesetters.Get().(*typesetter) // likewise
	return &Document{
		info: info, root: &Element{Role: RoleDocument}, fonts: map[*fontFile]*embeddedFont{},
		shaped: map[shapeKey]*ShapedText{}, deflate: deflate, typesetter: typesetter,
	}
}

// Root returns the root of the structure tree, to which the content is added in reading order.
func (d *Document) Root() *Element { return d.root }

// newReference returns the number of an object whose body is set later.
func (d *Document) newReference() reference {
	d.objects = append(d.objects, object{})
	return reference(len(d.objects))
}

func (d *Document) setBody(r reference, body []byte) { d.objects[r-1].body = body }

func (d *Document) addObject(body []byte) reference {
	d.objects = append(d.objects, object{body: body})
	return reference(len(d.objects))
}

// addStream adds a compressed stream; entries are further entries of its dictionary.
func (d *Document) addStream(entries string, data []byte) reference {
	d.objects = append(d.objects, object{body: d.encodeStream(entries, data), isTopLevel: true})
	return reference(len(d.objects))
}

func (d *Document) encodeStream(entries string, data []byte) []byte {
	return encodeStream("/Filter/FlateDecode"+entries, d.compressData(data))
}

// encodeStream returns a stream object with data as it is.
func encodeStream(entries string, data []byte) []byte {
	b := make([]byte, 0, len(entries)+len(data)+60)
	b = append(append(append(b, "<<"...), entries...), "/Length "...)
	b = append(strconv.AppendInt(b, int64(len(data)), 10), ">>stream\n"...)
	return append(append(b, data...), "\nendstream"...)
}

func (d *Document) compressData(data []byte) []byte {
	var out bytes.Buffer
	d.deflate.Reset(&out)
	_, _ = d.deflate.Write(data) // a bytes.Buffer accepts everything
	_ = d.deflate.Close()
	return out.Bytes()
}

// Encode completes the document, signs it if Sign was called, and returns the file. The document cannot be used
// afterwards. Without a signature it never fails.
func (d *Document) Encode() ([]byte, error) {
	defer func() {
		typesetters.Put(d.typesetter)
		deflaters.Put(d.deflate)
	}()
	pages, catalog := d.newReference(), d.newReference()
	structure := d.writeStructure()
	resources := d.writeResources()
	kids := make([]reference, len(d.pages))
	for i, p := range d.pages {
		kids[i] = p.ref
		d.writePage(i, p, pages, resources)
	}
	b := appendReferences([]byte("<</Type/Pages/Kids"), kids)
	d.setBody(pages, append(strconv.AppendInt(append(b, "/Count "...), int64(len(kids)), 10), ">>"...))
	d.writeCatalog(catalog, pages, structure)
	file := d.layOut(catalog)
	if d.signature == nil {
		return file.bytes, nil
	}
	if err := d.signature.fillSignature(file.bytes); err != nil {
		return nil, err
	}
	return d.appendValidationData(&file, catalog), nil
}

func (d *Document) writeResources() reference {
	b := []byte("<</Font<<")
	for _, f := range d.fontOrder {
		d.writeFont(f)
		b = append(append(append(b, '/'), f.resource...), ' ')
		b = appendReference(b, f.ref)
	}
	return d.addObject(append(b, ">>>>"...))
}

func (d *Document) writePage(index int, p *Page, parent, resources reference) {
	content := d.addStream("", p.content)
	b := appendReference([]byte("<</Type/Page/Parent "), parent)
	b = appendNumbers(append(b, "/MediaBox[0 0 "...), p.width, p.height)
	b = appendReference(append(b, "]/Contents "...), content)
	b = appendReference(append(b, "/Resources "...), resources)
	b = strconv.AppendInt(append(b, "/StructParents "...), int64(index), 10)
	b = append(b, "/Tabs/S"...)
	if len(p.annotations) > 0 {
		b = appendReferences(append(b, "/Annots"...), p.annotations)
	}
	d.setBody(p.ref, append(b, ">>"...))
}

func (d *Document) writeCatalog(catalog, pages, structure reference) {
	profile := d.addStream("/N 3", sRGBProfile())
	intent := appendReference([]byte("<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)"+
		"/Info(sRGB IEC61966-2.1)/DestOutputProfile "), profile)
	// Metadata is not compressed, so that any program can read it (ISO 19005-2, 6.6.2.1 and Note).
	packet := encodeStream("/Type/Metadata/Subtype/XML", d.encodeMetadata())
	d.objects = append(d.objects, object{body: packet, isTopLevel: true})
	metadata := reference(len(d.objects))
	intentRef := d.addObject(append(intent, ">>"...))
	b := appendReference([]byte("<</Type/Catalog/Version/1.7/Pages "), pages)
	b = appendText(append(b, "/Lang"...), d.info.Language)
	b = appendReference(append(b, "/MarkInfo<</Marked true>>/StructTreeRoot "...), structure)
	b = appendReferences(append(b, "/ViewerPreferences<</DisplayDocTitle true>>/OutputIntents"...), []reference{intentRef})
	b = appendReference(append(b, "/Metadata "...), metadata)
	if d.signature != nil {
		b = appendReferences(append(b, "/AcroForm<</SigFlags 3/Fields"...), []reference{d.signature.field})
		b = append(b, ">>"...)
	}
	d.setBody(catalog, append(b, ">>"...))
}
