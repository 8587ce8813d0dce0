let () = print_endline ("hello from " ^ "@out@")
