/** A WWPN with the name that admins gave it. The name first: it is what people know. */
export function Wwn({ wwpn, alias }: { wwpn: string | undefined; alias?: string }) {
  if (wwpn === undefined || wwpn === '') return <span className="fcr-subtle">unknown</span>;
  if (alias === undefined || alias === '') return <span className="fcr-mono">{wwpn}</span>;
  return (
    <span title={wwpn}>
      <Name name={alias} /> <span className="fcr-mono fcr-subtle">{wwpn}</span>
    </span>
  );
}

/** Name is what somebody typed: shown as it is, in its own direction. */
export const Name = ({ name }: { name: string }) => (
  <bdi className="fcr-name" dir="auto">
    {name}
  </bdi>
);
