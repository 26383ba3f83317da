<?php

declare(strict_types=1);

use RobRichards\XMLSecLibs\XMLSecurityDSig;
use RobRichards\XMLSecLibs\XMLSecurityKey;

/**
 * PHP's SoapClient, signing what it sends as WS-Security asks: a BinarySecurityToken with the certificate, a Timestamp, and
 * one Signature over Body, Timestamp and token.
 *
 * SoapClient calls __doRequest with the finished envelope, just before it goes over the line. That is the place to sign:
 * nothing may change the envelope afterwards.
 */
class SignedSoapClient extends SoapClient
{
    private const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
    private const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
    private const BASE64 = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary';
    private const X509 = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3';

    /** How long a message is good, in seconds. The register takes five minutes at most. */
    private const LIFETIME = 60;

    private ?string $reply = null;

    /**
     * @param string $certificate the certificate that signs, as PEM
     * @param string $privateKey  its key, as PEM
     * @param ?Mtom  $mtom        to pack what is sent, and to unpack what comes
     */
    public function __construct(
        string $wsdl,
        private readonly string $certificate,
        private readonly string $privateKey,
        array $options,
        private readonly ?Mtom $mtom = null
    ) {
        parent::__construct($wsdl, $options);
    }

    /** PHP 8.5 has one parameter more than 8.2; "...$more" takes it on, and is empty before. */
    public function __doRequest(
        string $request,
        string $location,
        string $action,
        int $version,
        bool $oneWay = false,
        ...$more
    ): ?string {
        $request = $this->sign($request);
        if ($this->mtom !== null) {
            $request = $this->mtom->pack($request);
        }
        $this->reply = parent::__doRequest($request, $location, $action, $version, $oneWay, ...$more);
        if ($this->mtom !== null && $this->reply !== null) {
            $this->reply = $this->mtom->unpack($this->reply);
        }

        return $this->reply;
    }

    /** The last reply, as it came. A SoapFault lacks what stood in attributes; here it is. */
    public function reply(): DOMDocument
    {
        if ((string) $this->reply === '') {
            throw new RuntimeException('there was no reply');
        }
        $document = new DOMDocument();
        $document->loadXML($this->reply, LIBXML_NONET);

        return $document;
    }

    private function sign(string $request): string
    {
        $document = new DOMDocument();
        $document->loadXML($request, LIBXML_NONET);
        $envelope = $document->documentElement;
        $soap = $envelope->namespaceURI;
        $prefix = $envelope->prefix;
        $body = $document->getElementsByTagNameNS($soap, 'Body')->item(0);
        $header = $document->getElementsByTagNameNS($soap, 'Header')->item(0)
            ?? $envelope->insertBefore($document->createElementNS($soap, "$prefix:Header"), $body);

        $security = $header->appendChild($document->createElementNS(self::WSSE, 'wsse:Security'));
        $security->setAttributeNS($soap, "$prefix:mustUnderstand", '1');

        $base64 = XMLSecurityDSig::get509XCert($this->certificate);
        $token = $security->appendChild($document->createElementNS(self::WSSE, 'wsse:BinarySecurityToken', $base64));
        $token->setAttribute('EncodingType', self::BASE64);
        $token->setAttribute('ValueType', self::X509);

        $timestamp = $security->appendChild($document->createElementNS(self::WSU, 'wsu:Timestamp'));
        foreach (['Created' => time(), 'Expires' => time() + self::LIFETIME] as $name => $at) {
            $timestamp->appendChild($document->createElementNS(self::WSU, "wsu:$name", gmdate('Y-m-d\TH:i:s\Z', $at)));
        }

        $signature = new XMLSecurityDSig();
        $signature->setCanonicalMethod(XMLSecurityDSig::EXC_C14N);
        // This gives each of the three a wsu:Id of its own. The last argument says that it is wsu:Id and not Id.
        $signature->addReferenceList(
            [$body, $timestamp, $token],
            XMLSecurityDSig::SHA256,
            [XMLSecurityDSig::EXC_C14N],
            ['prefix' => 'wsu', 'prefix_ns' => self::WSU]
        );
        // With the second argument the signature is put in its place first and made then. The namespaces around it are
        // those that the service will see.
        $signature->sign($this->key(), $security);

        $pointer = $document->createElementNS(self::WSSE, 'wsse:SecurityTokenReference');
        $reference = $pointer->appendChild($document->createElementNS(self::WSSE, 'wsse:Reference'));
        $reference->setAttribute('URI', '#' . $token->getAttributeNS(self::WSU, 'Id'));
        $reference->setAttribute('ValueType', self::X509);
        $signature->appendToKeyInfo($pointer);

        // Only the root element, without an XML declaration; no formatting, which would break the signature.
        return $document->saveXML($envelope);
    }

    /** "RSA" or "EC". */
    public function keyType(): string
    {
        $details = openssl_pkey_get_details(openssl_pkey_get_private($this->privateKey));

        return $details['type'] === OPENSSL_KEYTYPE_EC ? 'EC' : 'RSA';
    }

    private function key(): XMLSecurityKey
    {
        if ($this->keyType() === 'EC') {
            return new EcdsaKey($this->privateKey);
        }
        $key = new XMLSecurityKey(XMLSecurityKey::RSA_SHA256, ['type' => 'private']);
        $key->loadKey($this->privateKey);

        return $key;
    }
}
