/** Logo is the product's mark with its name. */
export const Logo = () => (
  <span className="fcr-logo">
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="#0b4f8a" />
      <path d="M6 11h9c3 0 3 10 6 10h5M6 21h6" fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
      <path d="M23 16.5 27.5 21 23 25.5" fill="none" stroke="#7fd1ff" strokeWidth="3" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
    <span>FC-Redirect</span>
  </span>
);
