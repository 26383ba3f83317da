package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/message/soap"
	"github.com/openctr/ctr/internal/message/xmldoc"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// acceptanceTests lists the tests with messages that a server must accept.
func acceptanceTests() []serverTest {
	return []serverTest{
		{
			Requirement{
				"S10",
				"A notification is registered as final, with a number whose check digits are right, and answers the request's Id.",
				"xsd/, ReceiptType",
			},
			testNotify,
		},
		{Requirement{
			"S11", "The receipt's Digest is the SHA-256 of the signed Body in its exclusive canonical form.",
			"xsd/, ReceiptType",
		}, testReceiptDigest},
		{Requirement{
			"S12", "Lot, serial number and expiry are read from the UDI, and the device is named.",
			"xsd/, RegisteredImplantType",
		}, testImplantCompletion},
		{
			Requirement{
				"S13",
				"Signed anew with the same InputReference, other Ids and the same content, a notification gives the first " +
					"receipt, and is kept once.",
				"xsd/, InputReferenceType",
			},
			testIdempotency,
		},
		{
			Requirement{"S14", "The notification is found by its number, as the caller's own.", "xsd/, SearchRequestType"},
			testSearchByNumber,
		},
		{Requirement{"S15", "The notification is found by its patient.", "xsd/, SearchRequestType"}, testSearchByPatient},
		{Requirement{
			"S16", "A search that finds nothing succeeds, with the status DataNotFound.", "xsd/, StatusResponseType",
		}, testEmptySearch},
		{
			Requirement{"S17", "An implant card is a PDF, and its Digest is the SHA-256 of its octets.", "xsd/, CardType"},
			testCardDigest,
		},
		{
			Requirement{"S18", "A caller who takes attachments gets the same card as one (MTOM).", "MTOM section 3"},
			testCardAttachment,
		},
		{Requirement{"S19", "A request whose certificate is an attachment (MTOM) is accepted.", "MTOM section 3; XOP " +
			"section 3.2"}, testMTOMRequest},
		{Requirement{"S20", "A request of SOAP 1.2 is answered in SOAP 1.2.", "SOAP 1.2 part 2 section 7"}, testSOAP12},
		{Requirement{"S21", "A request of SOAP 1.1 without SOAPAction is accepted.", "wsdl/"}, testMissingSOAPAction},
		{Requirement{
			"S22", "The patient's implants are listed, with the one that was placed.", "xsd/, ListPatientImplantsRequestType",
		}, testListImplants},
		{
			Requirement{"S23", "An implant that is removed is no longer listed.", "xsd/, NotifyExplantRequestType"}, testExplant,
		},
		{Requirement{"S24", "The list of devices can be searched.", "xsd/, SearchDeviceRequestType"}, testSearchDevice},
	}
}

// testNotify sends the notification that later tests refer to.
func testNotify(ctx context.Context, r *serverRun) error {
	reference := "CONFORMANCE" + r.NewID()
	message, a, err := r.signAndSend(
		ctx, soap.SOAP11, "NotifyImplant", testmessages.RequestValues{InputReference: reference},
	)
	if err != nil {
		return err
	}
	response, err := ctr.Decode[ctr.NotifyResponse](a.content)
	if err != nil {
		return err
	}
	receipt := response.Receipt
	number, err := ident.ParseNotificationNumber(receipt.NotificationNumber)
	switch {
	case err != nil:
		return errors.New("the number is none: its form or its check digits are wrong")
	case receipt.State != "Final":
		return fmt.Errorf("its state is %s", receipt.State)
	case !strings.Contains(message, ` Id="`+response.InResponseTo+`"`):
		return errors.New("InResponseTo does not name the request")
	case len(response.Implant) != 1:
		return fmt.Errorf("of 1 implant %d are registered", len(response.Implant))
	}
	r.notificationNumber, r.implantID = number.Digits(), response.Implant[0].ImplantID
	return nil
}

func testReceiptDigest(ctx context.Context, r *serverRun) error {
	message, a, err := r.signAndSend(ctx, soap.SOAP11, "NotifyImplant", testmessages.RequestValues{})
	if err != nil {
		return err
	}
	response, err := ctr.Decode[ctr.NotifyResponse](a.content)
	if err != nil {
		return err
	}
	document, err := xmldoc.Parse([]byte(message), xmldoc.DefaultLimits())
	if err != nil {
		return err
	}
	body := document.Root().Child(soap.Namespace11, "Body")
	sum := sha256.Sum256(xmldoc.C14N{Exclusive: true}.Append(nil, body))
	if !bytes.Equal(response.Receipt.Digest, sum[:]) {
		return errors.New("it is another")
	}
	return nil
}

func testImplantCompletion(ctx context.Context, r *serverRun) error {
	response, err := r.notifyImplant(ctx, testmessages.RequestValues{})
	if err != nil {
		return err
	}
	i := response.Implant[0]
	switch {
	case i.LotNumber != "L2201" || i.SerialNumber == "" || i.ExpiryDate != "2049-12-31":
		return errors.New("lot, serial number or expiry is not that of the UDI")
	case i.Device == nil || i.Device.Name == "":
		return errors.New("the device is not named")
	}
	return nil
}

func testIdempotency(ctx context.Context, r *serverRun) error {
	if r.notificationNumber == "" {
		return newNotTestedError("no notification was accepted")
	}
	before, err := r.searchNotifications(ctx, testmessages.RequestValues{})
	if err != nil {
		return err
	}
	values := testmessages.RequestValues{InputReference: "CONFORMANCE" + r.NewID()}
	request, err := r.generator.BuildRequest("NotifyImplant", values)
	if err != nil {
		return err
	}
	var numbers []string
	for range 2 {
		// As in a caller's retry, the request gets a new Id and the content stays the same.
		start, rest, _ := strings.Cut(request, ` Id="`)
		_, rest, _ = strings.Cut(rest, `"`)
		number, failed := r.submitNotification(ctx, start+` Id="`+r.NewID()+`"`+rest)
		if failed != nil {
			return failed
		}
		numbers = append(numbers, number)
	}
	after, err := r.searchNotifications(ctx, testmessages.RequestValues{})
	switch {
	case err != nil:
		return err
	case numbers[0] != numbers[1]:
		return errors.New("the second receipt has another number")
	case after.Total != before.Total+1:
		return fmt.Errorf("%d notifications were kept, not 1", after.Total-before.Total)
	}
	return nil
}

// submitNotification sends a notification and returns its number.
func (r *serverRun) submitNotification(ctx context.Context, request string) (string, error) {
	message, err := r.generator.Sign(soap.SOAP11, r.Key, request)
	if err != nil {
		return "", err
	}
	a, err := r.postMessage(ctx, testmessages.NewMessage(soap.SOAP11, "NotifyImplant", message))
	if err == nil {
		err = r.checkResponse(a, soap.SOAP11, "NotifyImplant")
	}
	if err != nil {
		return "", err
	}
	response, err := ctr.Decode[ctr.NotifyResponse](a.content)
	if err != nil {
		return "", err
	}
	return response.Receipt.NotificationNumber, nil
}

func testSearchByNumber(ctx context.Context, r *serverRun) error {
	if r.notificationNumber == "" {
		return newNotTestedError("no notification was accepted")
	}
	found, err := r.searchNotifications(ctx, testmessages.RequestValues{NotificationNumber: r.notificationNumber})
	switch {
	case err != nil:
		return err
	case found.Total != 1 || len(found.Notification) != 1 ||
		found.Notification[0].NotificationNumber != r.notificationNumber:
		return fmt.Errorf("%d were found", found.Total)
	case !found.Notification[0].Own:
		return errors.New("it is not called the caller's own")
	}
	return nil
}

func testSearchByPatient(ctx context.Context, r *serverRun) error {
	if r.notificationNumber == "" {
		return newNotTestedError("no notification was accepted")
	}
	found, err := r.searchNotifications(ctx, testmessages.RequestValues{})
	if err != nil {
		return err
	}
	for _, n := range found.Notification {
		if n.Patient != r.Data.Patient {
			return errors.New("a notification of another patient was found")
		}
	}
	if found.Total == 0 {
		return errors.New("nothing was found")
	}
	return nil
}

// newUnknownNumber returns a well-formed notification number that no register has assigned.
func newUnknownNumber() (string, error) {
	day, err := ident.ParseDate("2001-01-01")
	if err != nil {
		return "", err
	}
	number, err := ident.NewNotificationNumber(day, 99999)
	return number.Digits(), err
}

func testEmptySearch(ctx context.Context, r *serverRun) error {
	unknown, err := newUnknownNumber()
	if err != nil {
		return err
	}
	a, err := r.callOperation(ctx, soap.SOAP11, "Search", testmessages.RequestValues{NotificationNumber: unknown})
	if err != nil {
		return err
	}
	found, err := ctr.Decode[ctr.SearchResponse](a.content)
	switch {
	case err != nil:
		return err
	case found.Total != 0:
		return fmt.Errorf("%d were found under a number that was never given", found.Total)
	case !bytes.Contains(a.body, []byte("urn:be:fgov:ehealth:2.0:status:DataNotFound")):
		return errors.New("the status DataNotFound is missing")
	}
	return nil
}

func testCardDigest(ctx context.Context, r *serverRun) error {
	if r.notificationNumber == "" {
		return newNotTestedError("no notification was accepted")
	}
	a, err := r.callOperation(
		ctx, soap.SOAP11, "GetImplantCard", testmessages.RequestValues{NotificationNumber: r.notificationNumber},
	)
	if err != nil {
		return err
	}
	response, err := ctr.Decode[ctr.GetImplantCardResponse](a.content)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(response.Card.Content)
	switch {
	case !bytes.HasPrefix(response.Card.Content, []byte("%PDF-")):
		return errors.New("it is no PDF")
	case !bytes.Equal(response.Card.Digest, sum[:]):
		return errors.New("the digest is another")
	}
	r.card = response.Card.Content
	return nil
}

func testCardAttachment(ctx context.Context, r *serverRun) error {
	if r.card == nil {
		return newNotTestedError("there was no card to compare with")
	}
	a, err := r.callOperation(
		ctx, soap.SOAP11, "GetImplantCard", testmessages.RequestValues{NotificationNumber: r.notificationNumber}, "Accept",
		`multipart/related; type="application/xop+xml", text/xml`,
	)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "multipart/related") {
		return errors.New("it comes without a package")
	}
	response, err := ctr.Decode[ctr.GetImplantCardResponse](a.content)
	if err != nil {
		return err
	}
	if !bytes.Equal(response.Card.Content, r.card) {
		return errors.New("it is another card")
	}
	return nil
}

func testMTOMRequest(ctx context.Context, r *serverRun) error {
	request, err := r.generator.BuildRequest("ListPatientImplants", testmessages.RequestValues{})
	if err != nil {
		return err
	}
	message, err := r.generator.Sign(soap.SOAP11, r.Key, request)
	if err != nil {
		return err
	}
	media, data, err := testmessages.PackMTOM(soap.SOAP11, message)
	if err != nil {
		return err
	}
	a, err := r.postMessage(ctx, testmessages.Message{Octets: data, ContentType: media})
	if err != nil {
		return err
	}
	return r.checkResponse(a, soap.SOAP11, "ListPatientImplants")
}

func testSOAP12(ctx context.Context, r *serverRun) error {
	a, err := r.callOperation(ctx, soap.SOAP12, "ListPatientImplants", testmessages.RequestValues{})
	if err != nil {
		return err
	}
	if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/soap+xml") {
		return fmt.Errorf("its Content-Type is %s", got)
	}
	return nil
}

func testMissingSOAPAction(ctx context.Context, r *serverRun) error {
	_, err := r.callOperation(ctx, soap.SOAP11, "ListPatientImplants", testmessages.RequestValues{}, "SOAPAction", "")
	return err
}

func testListImplants(ctx context.Context, r *serverRun) error {
	if r.implantID == "" {
		return newNotTestedError("no notification was accepted")
	}
	carried, err := r.isImplantListed(ctx)
	if err == nil && !carried {
		err = errors.New("it is not listed")
	}
	return err
}

// isImplantListed reports whether the implant that testNotify registered is in the patient's list. It reads all pages.
func (r *serverRun) isImplantListed(ctx context.Context) (bool, error) {
	const pages = 50
	for page := range pages {
		request, err := r.generator.BuildRequest("ListPatientImplants", testmessages.RequestValues{})
		if err != nil {
			return false, err
		}
		const perPage = 20
		request = strings.Replace(request, `Offset="0"`, fmt.Sprintf(`Offset="%d"`, page*perPage), 1)
		message, err := r.generator.Sign(soap.SOAP11, r.Key, request)
		if err != nil {
			return false, err
		}
		a, err := r.postMessage(ctx, testmessages.NewMessage(soap.SOAP11, "ListPatientImplants", message))
		if err == nil {
			err = r.checkResponse(a, soap.SOAP11, "ListPatientImplants")
		}
		if err != nil {
			return false, err
		}
		list, err := ctr.Decode[ctr.ListPatientImplantsResponse](a.content)
		if err != nil {
			return false, err
		}
		for i := range list.Implant {
			if list.Implant[i].ImplantID == r.implantID {
				return true, nil
			}
		}
		if (page+1)*perPage >= list.Total {
			return false, nil
		}
	}
	return false, nil
}

func testExplant(ctx context.Context, r *serverRun) error {
	if r.implantID == "" {
		return newNotTestedError("no notification was accepted")
	}
	a, err := r.callOperation(ctx, soap.SOAP11, "NotifyExplant", testmessages.RequestValues{ImplantID: r.implantID})
	if err != nil {
		return err
	}
	response, err := ctr.Decode[ctr.NotifyResponse](a.content)
	if err != nil {
		return err
	}
	if len(response.Implant) != 1 || response.Implant[0].Remaining != 0 {
		return errors.New("something of it remains")
	}
	carried, err := r.isImplantListed(ctx)
	if err == nil && carried {
		err = errors.New("it is still listed")
	}
	return err
}

func testSearchDevice(ctx context.Context, r *serverRun) error {
	a, err := r.callOperation(ctx, soap.SOAP11, "SearchDevice", testmessages.RequestValues{})
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("HTTP %d", a.status)
	}
	return err
}
