// The register's operations, called and signed with the npm package soap. This is the file to copy.

import { X509Certificate, createPrivateKey, createSign, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';

import axios from 'axios';
import forge from 'node-forge';
import soap from 'soap';

const EXCLUSIVE_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
const ECDSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256';

// Refusal is what a fault tells: the code, the words in English, and each broken rule with its place.
export class Refusal extends Error {
  constructor(fault) {
    const detail = detailOf(fault);
    const { Code, Message } = detail.BusinessError ?? detail.SystemError;
    super(Message.find((m) => m.attributes['xml:lang'] === 'en').$value);
    this.code = Code;
    // What occurs once is an object for soap, and no array.
    this.violations = [detail.Violations?.Violation ?? []].flat().map(({ attributes }) => ({
      code: attributes.Code,
      path: attributes.Path,
    }));
  }
}

// detailOf is what a fault says beyond what SOAP knows; a gateway's fault may have none.
const detailOf = (fault) => fault?.detail ?? fault?.Detail; // SOAP 1.1 and 1.2

// Register calls the operations, with what every request has in common filled in.
export class Register {
  // open reads the contract from the service at url. author is who acts, inside the organisation whose key signs.
  static async open({ url, ca, p12, password, author, soap12 = false, mtom = false }) {
    // One HTTP client for the contract, its schemas and the calls: it trusts ca alone, and takes no proxy from the environment.
    const request = axios.create({ httpsAgent: new Agent({ ca: await readFile(ca) }), proxy: false, timeout: 20_000 });
    if (soap12 && mtom) {
      request.interceptors.request.use(packedSoap12);
    }
    const client = await soap.createClientAsync(url + (soap12 ? '?wsdl=soap12' : '?wsdl'), {
      request,
      forceSoap12Headers: soap12, // the contract alone does not make soap write SOAP 1.2
      parseReponseAttachments: mtom, // spelled so
    });
    const { key, certificate } = readP12(await readFile(p12), password);
    client.setSecurity(signer(key, certificate));
    return new Register(client, key, author, { forceMTOM: mtom });
  }

  constructor(client, key, author, options) {
    this.client = client;
    this.keyType = key.asymmetricKeyType.toUpperCase();
    this.author = author;
    this.options = options;
  }

  // call makes a call and returns the response. soap checks nothing: what is misspelled is sent, and refused by the service.
  async call(operation, content, attributes) {
    const [response] = await this.send(operation, content, attributes);
    return response;
  }

  // card returns an implant card, with its content as octets.
  async card(of) {
    const [{ Card: card }, attachments] = await this.send('getImplantCard', { Of: of });
    return { ...card, Content: octets(card.Content, attachments) };
  }

  async send(operation, content, attributes) {
    const request = {
      attributes: { Id: `_${randomUUID()}`, IssueInstant: new Date().toISOString(), ...attributes },
      Author: { HcParty: this.author },
      ...content,
    };
    try {
      const [response, , , , attachments] = await this.client[`${operation}Async`](request, this.options);
      return [response, attachments];
    } catch (error) {
      const fault = error.root?.Envelope?.Body?.Fault;
      throw detailOf(fault) ? new Refusal(fault) : error;
    }
  }
}

// octets reads a base64Binary, which stands in the message or in the attachment that the message points to.
function octets(content, attachments) {
  if (typeof content === 'string') {
    return Buffer.from(content, 'base64');
  }
  const id = decodeURIComponent(content.Include.attributes.href.replace(/^cid:/, ''));
  return attachments.parts.find(({ headers }) => headers['content-id'] === `<${id}>`).body;
}

// professional names somebody by the number of the national register.
export const professional = (ssin, firstName, name) => ({
  Id: { attributes: { Type: 'urn:be:fgov:person:ssin' }, $value: ssin },
  FirstName: firstName,
  Name: name,
});

// signer makes what signs Body, Timestamp and token, and refers to the certificate in the token.
function signer(key, certificate) {
  const elliptic = key.asymmetricKeyType === 'ec';
  const security = new soap.WSSecurityCert(key.export({ type: 'pkcs8', format: 'pem' }), certificate.toString(), '', {
    signatureAlgorithm: elliptic ? ECDSA_SHA256 : RSA_SHA256,
    signatureTransformations: [EXCLUSIVE_C14N], // without it, also the useless enveloped-signature
    additionalReferences: ['wsse:BinarySecurityToken'], // Body and Timestamp are signed anyway
    signerOptions: { idMode: 'wssecurity' }, // wsu:Id, not Id
  });
  if (elliptic) {
    security.signer.SignatureAlgorithms[ECDSA_SHA256] = EcdsaSha256; // soap's xml-crypto knows RSA only
  }
  return security;
}

// EcdsaSha256 signs as XML Signature asks: the two numbers one after the other, and not in ASN.1.
class EcdsaSha256 {
  getAlgorithmName() {
    return ECDSA_SHA256;
  }

  getSignature(signedInfo, { key }) {
    return createSign('sha256').update(signedInfo).sign({ key, dsaEncoding: 'ieee-p1363' }, 'base64');
  }
}

// readP12 reads the key that signs. Files of the eHealth platform hold a second key, for decryption: the name tells them apart.
function readP12(octets, password) {
  const store = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(octets.toString('binary')), password);
  const find = (type) => {
    const bags = store.getBags({ bagType: forge.pki.oids[type] })[forge.pki.oids[type]];
    return bags.find(({ attributes }) => attributes.friendlyName?.[0] === 'authentication') ?? bags[0];
  };
  const der = (asn1) => Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'binary');
  const [keyBag, certificateBag] = [find('pkcs8ShroudedKeyBag'), find('certBag')];
  // forge understands RSA alone, and hands over everything else as it stands in the file.
  const key = keyBag.asn1 ?? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(keyBag.key));
  const certificate = certificateBag.asn1 ?? forge.pki.certificateToAsn1(certificateBag.cert);
  return {
    key: createPrivateKey({ key: der(key), format: 'der', type: 'pkcs8' }),
    certificate: new X509Certificate(der(certificate)),
  };
}

// packedSoap12 corrects what soap says of a packed message: always SOAP 1.1, in the headers of the message and of its first part.
function packedSoap12(config) {
  if (config.method === 'post') {
    config.headers['Content-Type'] = config.headers['Content-Type'].replace('text/xml', 'application/soap+xml');
    config.data = Buffer.from(config.data.toString().replace('type="text/xml"', 'type="application/soap+xml"'));
  }
  return config;
}
