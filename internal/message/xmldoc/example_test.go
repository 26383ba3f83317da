package xmldoc_test

import (
	"fmt"

	"github.com/openctr/ctr/internal/message/xmldoc"
)

// A document is parsed once; its elements are handles, and their values are read where they are needed.
func ExampleParse() {
	const source = `<n:Note xmlns:n="urn:example" n:lang="en"><n:To>Anna &amp; Eva</n:To></n:Note>`
	document, err := xmldoc.Parse([]byte(source), xmldoc.DefaultLimits())
	if err != nil {
		fmt.Println(err)
		return
	}
	language, _ := document.Root().Attr("urn:example", "lang")
	to, _ := document.Root().Child("urn:example", "To").Text()
	fmt.Println(language, to)
	// Output: en Anna & Eva
}

// A refused document gives the code and the position, and no content.
func ExampleParse_refused() {
	_, err := xmldoc.Parse([]byte("<note>\n<to>Anna</note>"), xmldoc.DefaultLimits())
	fmt.Println(err)
	// Output: XML_END_TAG_MISMATCH: 2:9 received </note>; expected </to>
}

// The exclusive form of a subtree declares only the namespaces that it uses, wherever the subtree was cut out.
func ExampleC14N() {
	const source = `<a xmlns="urn:a" xmlns:b="urn:b" xmlns:c="urn:c"><b:b z='1' y = "2"/></a>`
	document, err := xmldoc.Parse([]byte(source), xmldoc.DefaultLimits())
	if err != nil {
		fmt.Println(err)
		return
	}
	child := document.Root().FirstChild()
	fmt.Printf("%s\n", xmldoc.C14N{Exclusive: true}.Append(nil, child))
	fmt.Printf("%s\n", xmldoc.C14N{}.Append(nil, child))
	// Output:
	// <b:b xmlns:b="urn:b" y="2" z="1"></b:b>
	// <b:b xmlns="urn:a" xmlns:b="urn:b" xmlns:c="urn:c" y="2" z="1"></b:b>
}
