/** Settings that outlive a reload of the tab: everything that was typed but the key. */

const NAME = "yap-playground";

/**
 * @param {Storage | null} storage null where the browser gives none
 */
export function recall(storage) {
  try {
    const kept = JSON.parse(storage?.getItem(NAME) ?? "{}");
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {}; // somebody else wrote it: as good as nothing
  }
}

/**
 * @param {Storage | null} storage
 * @param {Record<string, string | boolean>} settings
 */
export function remember(storage, settings) {
  try {
    storage?.setItem(NAME, JSON.stringify(settings));
  } catch {
    // Full, or forbidden in this window: they last until the reload.
  }
}

/** The tab's storage, where it may be used: reading the very name is forbidden in some windows. */
export function tabStorage() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
