package p12

import "encoding/asn1"

// AddClearContent adds a content of a file that is not encrypted as a whole.
func (o *Outline) AddClearContent(content asn1.RawValue) bool {
	return o.addData(contentInfo{Content: content})
}
