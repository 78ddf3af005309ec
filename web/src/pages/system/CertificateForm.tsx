import { Alert, FileUpload, TextArea } from '@patternfly/react-core';
import { useState } from 'react';
import { api, type Schema } from '../../api/client';
import { asProblem } from '../../api/problem';
import { Field } from '../../components/Field';
import { FormModal } from '../../components/FormModal';
import { fieldMessage } from '../../components/Problem';

interface PemProps {
  id: string;
  label: string;
  help: string;
  value: string;
  max: number;
  error: string | undefined;
  onChange: (text: string) => void;
}

/** Pem is a text in PEM, pasted or of a file. A file that is far too large is not read. */
function Pem({ id, label, help, value, max, error, onChange }: PemProps) {
  const [file, setFile] = useState('');
  const [wrong, setWrong] = useState<string>();
  const choose = async (f: File) => {
    setFile(f.name);
    setWrong(undefined);
    try {
      if (f.size > max) setWrong('This file is too large for it.');
      else onChange(await f.text());
    } catch {
      setWrong('The browser could not read this file.');
    }
  };
  const take = (text: string) => {
    setFile('');
    setWrong(undefined);
    onChange(text);
  };
  const problem = wrong ?? error;
  return (
    <Field id={id} label={label} required error={problem} help={help}>
      <FileUpload
        id={`${id}-file`}
        filename={file}
        filenamePlaceholder="Choose a PEM file, or paste it below"
        browseButtonText="Choose file"
        browseButtonAriaDescribedby={`${id}-file-filename`}
        aria-label={`File of the ${label.toLowerCase()}`}
        hideDefaultPreview
        isClearButtonDisabled={value === '' && file === ''}
        onFileInputChange={(_, f) => void choose(f)}
        onClearClick={() => take('')}
      >
        <TextArea
          id={id}
          className="fcr-mono"
          value={value}
          rows={5}
          resizeOrientation="vertical"
          isRequired
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          validated={problem === undefined ? 'default' : 'error'}
          onChange={(_, text) => take(text)}
        />
      </FileUpload>
    </Field>
  );
}

/** Theirs says what is there now, where somebody else replaced it meanwhile. */
const Theirs = ({ c }: { c: Schema['Certificate'] }) => (
  <Alert isInline variant="warning" title="The certificate was replaced meanwhile">
    Now it is <bdi>{c.subject}</bdi>, <span className="fcr-mono fcr-name">{c.fingerprint}</span>. What you typed stays; replacing again replaces that.
  </Alert>
);

/** CertificateForm gives the appliance a certificate and its key. Neither outlives the dialog. */
export function CertificateForm({ tag, onDone, onClose }: { tag: string; onDone: () => void; onClose: () => void }) {
  const [certificate, setCertificate] = useState('');
  const [key, setKey] = useState('');
  const [theirs, setTheirs] = useState<{ c: Schema['Certificate']; tag: string }>();
  const submit = async () => {
    try {
      await api.PUT('/api/v1/certificate', { params: { header: { 'If-Match': theirs?.tag ?? tag } }, body: { certificate, key } });
    } catch (e) {
      if (asProblem(e).status === 412) {
        const { data, response } = await api.GET('/api/v1/certificate');
        if (data !== undefined) setTheirs({ c: data, tag: response.headers.get('ETag') ?? '*' });
      }
      throw e;
    }
    onDone();
  };
  return (
    <FormModal
      wide
      title="Replace certificate"
      text="It is shown from the next connection on, and the browser may ask again whether you trust it. Connections that are open stay."
      action={theirs === undefined ? 'Replace certificate' : 'Replace theirs'}
      incomplete={certificate.trim() === '' || key.trim() === ''}
      onSubmit={submit}
      onClose={onClose}
    >
      {(error) => (
        <>
          {theirs !== undefined && <Theirs c={theirs.c} />}
          <Pem
            id="certificate-pem"
            label="Certificate"
            help="The certificate, then those that lead to its issuer."
            value={certificate}
            max={65_536}
            error={fieldMessage(error, 'certificate')}
            onChange={setCertificate}
          />
          <Pem
            id="certificate-key"
            label="Private key"
            help="Its private key, not encrypted. It is never shown again."
            value={key}
            max={16_384}
            error={fieldMessage(error, 'key')}
            onChange={setKey}
          />
        </>
      )}
    </FormModal>
  );
}
