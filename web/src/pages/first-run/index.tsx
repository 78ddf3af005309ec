export default function FirstRun(_: { onDone: () => void }) { return null; }
