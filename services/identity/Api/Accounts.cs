using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using ShopMesh.Identity.Data;

namespace ShopMesh.Identity.Api;

internal static class Accounts
{
    public const string AdminRole = "admin";

    public static void AddAccounts(this WebApplicationBuilder builder)
    {
        builder.Services.Configure<PasswordHasherOptions>(builder.Configuration.GetSection("Identity:PasswordHasher"));
        builder.Services.AddIdentityCore<Account>(options =>
            {
                // What a password needs is said by the request, field by field.
                options.Password = new() { RequiredLength = 8, RequireDigit = true, RequireLowercase = false, RequireUppercase = false, RequireNonAlphanumeric = false, RequiredUniqueChars = 1 };
                options.User = new() { RequireUniqueEmail = true, AllowedUserNameCharacters = "" };
                options.Lockout = new()
                {
                    AllowedForNewUsers = true,
                    MaxFailedAccessAttempts = builder.Configuration.GetValue("Identity:Lockout:MaxFailures", 5),
                    DefaultLockoutTimeSpan = builder.Configuration.GetValue("Identity:Lockout:Duration", TimeSpan.FromMinutes(5)),
                };
            })
            .AddRoles<IdentityRole<Guid>>()
            .AddEntityFrameworkStores<IdentityContext>();
    }

    public static void MapAccounts(this WebApplication app)
    {
        var accounts = app.MapGroup("/api/accounts").WithTags("Accounts");
        accounts.MapPost("/", Register).AllowAnonymous().WithSummary("Makes an account").ProducesProblem(StatusCodes.Status409Conflict);
        accounts.MapGet("/me", Me).RequireAuthorization(Policies.Customer).WithSummary("Reads the account of who is signed in");
    }

    /// <summary>Makes what another request, or another pod, may make at the same time.</summary>
    /// <returns>False when it is taken.</returns>
    public static async Task<bool> IgnoreTakenAsync(Func<Task<IdentityResult>> make)
    {
        try
        {
            var result = await make();
            return result.Succeeded ? true
                : result.Errors.All(error => error.Code.StartsWith("Duplicate", StringComparison.Ordinal) || error.Code == nameof(IdentityErrorDescriber.UserAlreadyInRole)) ? false
                : throw new InvalidOperationException(string.Join(' ', result.Errors.Select(error => error.Description)));
        }
        catch (DbUpdateException e) when (e.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return false;
        }
    }

    private static async Task<Results<Created<AccountResponse>, ProblemHttpResult>> Register(AccountRequest request, UserManager<Account> accounts)
    {
        var account = new Account { Id = Guid.CreateVersion7(), UserName = request.Email, Email = request.Email, Name = request.Name };
        return await IgnoreTakenAsync(() => accounts.CreateAsync(account, request.Password))
            ? TypedResults.Created("/api/accounts/me", new AccountResponse(account.Id, request.Email, request.Name, []))
            : TypedResults.Problem("There is an account for this address.", statusCode: StatusCodes.Status409Conflict);
    }

    private static async Task<Results<Ok<AccountResponse>, UnauthorizedHttpResult>> Me(ClaimsPrincipal user, UserManager<Account> accounts) =>
        await accounts.FindByIdAsync(user.CustomerId()) is { } account
            ? TypedResults.Ok(new AccountResponse(account.Id, account.Email!, account.Name, [.. await accounts.GetRolesAsync(account)]))
            : TypedResults.Unauthorized();
}

/// <summary>Its password goes no further than the hasher.</summary>
public sealed record AccountRequest(
    [property: Required, EmailAddress, StringLength(254)] string Email,
    [property: Required, Password, Description("8 to 128 characters, with a letter and a digit.")] string Password,
    [property: Required, StringLength(100)] string Name)
{
    /// <summary>Not the compiler's, which would print the password.</summary>
    public override string ToString() => nameof(AccountRequest);
}

internal sealed record AccountResponse(Guid Id, string Email, string Name, IReadOnlyList<string> Roles);

[AttributeUsage(AttributeTargets.Property)]
public sealed class PasswordAttribute() : ValidationAttribute("The {0} must have 8 to 128 characters, with a letter and a digit.")
{
    public override bool IsValid(object? value) =>
        value is not string password || (password.Length is >= 8 and <= 128 && password.Any(char.IsLetter) && password.Any(char.IsAsciiDigit));
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(AccountRequest))]
[JsonSerializable(typeof(AccountResponse))]
[JsonSerializable(typeof(TokenAnswer))]
[JsonSerializable(typeof(TokenError))]
internal sealed partial class IdentityJson : JsonSerializerContext;
