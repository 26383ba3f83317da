package pdfua

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"text/template"
)

// metadataTemplate is the XMP packet. The identification of PDF/UA needs an extension schema, because PDF/A-2 does not
// know it (ISO 19005-2, 6.6.2.3).
var metadataTemplate = template.Must(template.New("").Funcs(template.FuncMap{"xml": escapeXML}).Parse(
	"<?xpacket begin=\"\ufeff\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{{xml .Title}}</rdf:li></rdf:Alt></dc:title>
<dc:language><rdf:Bag><rdf:li>{{xml .Language}}</rdf:li></rdf:Bag></dc:language>
<xmp:CreateDate>{{.CreatedAt.Format "2006-01-02T15:04:05Z"}}</xmp:CreateDate>
<xmp:ModifyDate>{{.CreatedAt.Format "2006-01-02T15:04:05Z"}}</xmp:ModifyDate>
<pdf:Producer>{{xml .Producer}}</pdf:Producer>
<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance><pdfuaid:part>1</pdfuaid:part>
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">` +
		`<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>` +
		`<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>` +
		`<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>` +
		`<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource"><pdfaProperty:name>part</pdfaProperty:name>` +
		`<pdfaProperty:valueType>Integer</pdfaProperty:valueType><pdfaProperty:category>internal</pdfaProperty:category>` +
		`<pdfaProperty:description>Part of ISO 14289</pdfaProperty:description></rdf:li></rdf:Seq></pdfaSchema:property>` +
		`</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>`))

// escapeXML escapes a text; what XML cannot contain is replaced.
func escapeXML(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xFFFE || r == 0xFFFF {
			return replacement
		}
		return r
	}, xmlEscaper.Replace(s))
}

var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (d *Document) encodeMetadata() []byte {
	var b bytes.Buffer
	_ = metadataTemplate.Execute(&b, d.info) // the fields exist, and a bytes.Buffer accepts everything
	return b.Bytes()
}

// sRGBProfile returns a small ICC profile (ICC.1:2001-04): the primaries of sRGB adapted to D50, and a gamma of 2.2. It
// gives the colours of a page a meaning that does not depend on a device, as PDF/A requires.
func sRGBProfile() []byte {
	d50 := encodeXYZ(.9642, 1, .8249)
	gamma := []byte("curv\x00\x00\x00\x00\x00\x00\x00\x01\x02\x33\x00\x00") // 2.2 as u8Fixed8Number
	name := append([]byte("desc\x00\x00\x00\x00\x00\x00\x00\x05sRGB\x00"), make([]byte, 1+8+3+67)...)
	tags := []struct {
		names []string
		data  []byte
	}{
		{[]string{"desc"}, name},
		{[]string{"cprt"}, []byte("text\x00\x00\x00\x00CC0\x00")},
		{[]string{"wtpt"}, append([]byte("XYZ \x00\x00\x00\x00"), d50...)},
		{[]string{"rXYZ"}, append([]byte("XYZ \x00\x00\x00\x00"), encodeXYZ(.43607, .22249, .01392)...)},
		{[]string{"gXYZ"}, append([]byte("XYZ \x00\x00\x00\x00"), encodeXYZ(.38515, .71687, .09708)...)},
		{[]string{"bXYZ"}, append([]byte("XYZ \x00\x00\x00\x00"), encodeXYZ(.14307, .06061, .7141)...)},
		{[]string{"rTRC", "gTRC", "bTRC"}, gamma},
	}
	const headerSize, entrySize, entries = 128, 12, 9
	out := make([]byte, headerSize+4, 512)
	copy(out[4:], "\x00\x00\x00\x00\x02\x40\x00\x00mntrRGB XYZ \x07\xea\x00\x01\x00\x01")
	copy(out[36:], "acsp")
	copy(out[68:], d50)
	binary.BigEndian.PutUint32(out[headerSize:], entries)
	var data []byte
	for _, t := range tags {
		for _, n := range t.names {
			out = append(out, n...)
			out = binary.BigEndian.AppendUint32(out, uint32(headerSize+4+entries*entrySize+len(data))) //nolint:gosec // small
			out = binary.BigEndian.AppendUint32(out, uint32(len(t.data)))                              //nolint:gosec // small
		}
		data = append(data, t.data...)
		for len(data)%4 != 0 {
			data = append(data, 0)
		}
	}
	out = append(out, data...)
	binary.BigEndian.PutUint32(out, uint32(len(out))) //nolint:gosec // small
	return out
}

// encodeXYZ encodes a colour as s15Fixed16Numbers.
func encodeXYZ(values ...float64) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, uint32(math.Round(v*65536)))
	}
	return b
}
