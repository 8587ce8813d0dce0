fn main() {
    println!("hello from {}", "@out@");
}
