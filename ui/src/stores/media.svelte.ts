/** Whether the page is as narrow as a phone, or as a window beside another. */
class Media {
  private readonly small = matchMedia("(max-width: 720px)");
  private readonly tight = matchMedia("(max-width: 1240px)");
  phone = $state(this.small.matches);
  slim = $state(this.tight.matches);

  constructor() {
    this.small.addEventListener("change", ({ matches }) => (this.phone = matches));
    this.tight.addEventListener("change", ({ matches }) => (this.slim = matches));
  }
}

export const media = new Media();
