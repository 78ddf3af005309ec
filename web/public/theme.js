// Runs before anything is painted, so that a dark console never flashes white. src/app/theme.ts changes the choice.
(function () {
  var choice = 'system';
  try {
    choice = localStorage.getItem('fcr.theme') || 'system';
  } catch {
    // Storage may be forbidden: the system's choice it is.
  }
  var dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('pf-v6-theme-dark', dark);
})();
