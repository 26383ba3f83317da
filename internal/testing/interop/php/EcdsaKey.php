<?php

declare(strict_types=1);

use RobRichards\XMLSecLibs\XMLSecurityKey;

/**
 * An EC key for xmlseclibs, which knows RSA keys only. Leave this file out if your certificate has an RSA key.
 */
class EcdsaKey extends XMLSecurityKey
{
    private const ECDSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256';

    public function __construct(string $privateKey)
    {
        parent::__construct(self::RSA_SHA256, ['type' => 'private']); // the nearest that it accepts
        $this->type = self::ECDSA_SHA256;                            // what XMLSecurityDSig writes as SignatureMethod
        $this->loadKey($privateKey);
    }

    /**
     * OpenSSL gives an ASN.1 SEQUENCE of the INTEGERs r and s. XML Signature 1.1 (section 6.4.3) wants the two behind each
     * other, both as long as the curve's order. The offsets hold for curves up to 384 bits.
     *
     * @param string $data
     */
    public function signData($data): string
    {
        if (!openssl_sign($data, $sequence, $this->key, OPENSSL_ALGO_SHA256)) {
            throw new RuntimeException('cannot sign: ' . openssl_error_string());
        }
        $length = intdiv(openssl_pkey_get_details($this->key)['bits'] + 7, 8);
        $r = substr($sequence, 4, ord($sequence[3]));
        $s = substr($sequence, 4 + strlen($r) + 2);
        $fixed = fn (string $integer): string => str_pad(ltrim($integer, "\0"), $length, "\0", STR_PAD_LEFT);

        return $fixed($r) . $fixed($s);
    }
}
