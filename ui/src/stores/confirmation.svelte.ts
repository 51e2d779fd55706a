/** One question at a time, asked before something is lost. */

export interface Question {
  title: string;
  text: string;
  action: string;
  danger: boolean;
}

class Confirmation {
  question = $state<Question | null>(null);
  private resolve: ((yes: boolean) => void) | null = null;

  ask(question: Question): Promise<boolean> {
    this.answer(false);
    this.question = question;
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  answer(yes: boolean): void {
    this.question = null;
    this.resolve?.(yes);
    this.resolve = null;
  }
}

export const confirmation = new Confirmation();
